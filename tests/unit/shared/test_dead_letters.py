"""Dead letters of any record: bounded, the same again, and they fit into a record batch."""

from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.dead_letters import MAX_PAYLOAD_BYTES, letter_key, write_letter
from shared.topics import MAX_RECORD_BATCH_BYTES


class Record(NamedTuple):
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def letter_of(record: Record) -> DeadLetter:
    return write_letter("scorer", "events.behavior.v1", 1, record, DeadLetterReason.UNDECODABLE, "no JSON")


records = st.builds(
    Record,
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.integers(-1, 2**63 - 1),
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(
        st.tuples(st.sampled_from(["ce_id", "ce_tenantid", "ce_traceparent", "x"]), st.binary(max_size=20)), max_size=5
    ).map(tuple),
)


@given(records)
def test_any_record_gives_a_letter_that_survives_json(record: Record) -> None:
    letter = letter_of(record)
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter
    assert letter == letter_of(record)
    assert (letter.payload, letter.key) == (record.value or b"", record.key)


def test_the_largest_letter_fits_into_a_record_batch() -> None:
    huge = letter_of(
        Record(key=b"\xff" * 10_000_000, value=b"\xff" * 10_000_000, headers=(("\x01" * 5_000, b"\xff" * 5_000),) * 500)
    )
    assert len(msgspec.json.encode(huge)) < MAX_RECORD_BATCH_BYTES - 65_536
    assert len(huge.payload) == MAX_PAYLOAD_BYTES
    assert "10000000 bytes" in huge.detail


def test_copies_share_a_key_and_other_places_do_not() -> None:
    assert letter_key(letter_of(Record(offset=7))) == letter_key(letter_of(Record(offset=7, value=b"x")))
    assert letter_key(letter_of(Record(offset=7))) != letter_key(letter_of(Record(offset=8)))


def test_what_the_headers_tell_is_kept() -> None:
    known = letter_of(Record(headers=(("ce_tenantid", b"acme"), ("ce_id", b"01936f2e-0000-7000-8000-000000000001"))))
    assert (known.tenant_id, str(known.batch_id)) == ("acme", "01936f2e-0000-7000-8000-000000000001")
    broken = letter_of(Record(headers=(("ce_id", b"\xff"), ("ce_tenantid", b"\xff"))))
    assert (broken.batch_id, broken.tenant_id) == (None, "\\xff")
