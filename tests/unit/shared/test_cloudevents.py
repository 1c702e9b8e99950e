"""Binary-mode CloudEvents: what is written is what is read, and what is not ours is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cloudevents import BatchHeaders, HeaderError, batch_headers, read_batch_headers
from shared.topics import Domain
from shared.tracing import child_of

stamps = st.builds(
    BatchHeaders,
    batch_id=st.uuids(),
    tenant_id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    domain=st.sampled_from(Domain),
    subject=st.from_regex(r"session/[A-Za-z0-9._:@=+~-]{1,128}", fullmatch=True),
    received_at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    event_count=st.integers(1, 10_000),
    clock_skew_ms=st.integers(-(10**12), 10**12),
    traceparent=st.just(child_of(None)),
    reply_to=st.none() | st.just("telltale:replies:1"),
)


@given(stamps)
def test_a_stamp_survives_the_headers(stamp: BatchHeaders) -> None:
    assert read_batch_headers(batch_headers(stamp)) == stamp


@given(stamps)
def test_required_attributes_are_there(stamp: BatchHeaders) -> None:
    headers = dict(batch_headers(stamp))
    assert headers["ce_specversion"] == b"1.0"
    assert {"ce_id", "ce_source", "ce_type", "ce_time", "content-type"} <= headers.keys()


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_time", "ce_tenantid", "ce_subject", "ce_eventcount"])
@given(stamp=stamps, junk=st.binary(max_size=8).filter(lambda junk: not junk.isalnum()))
def test_a_missing_or_broken_attribute_is_refused(name: str, stamp: BatchHeaders, junk: bytes) -> None:
    headers = dict(batch_headers(stamp))
    del headers[name]
    with pytest.raises(HeaderError):
        read_batch_headers(headers.items())
    with pytest.raises(HeaderError):
        read_batch_headers((headers | {name: b"\xff" + junk}).items())
