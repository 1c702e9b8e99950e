"""What the contract takes, what it refuses, and where it points when it refuses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import MAX_EVENTS_PER_BATCH, ContractError
from shared.contracts.batch import (
    MAX_CLOCK_SKEW,
    MAX_EVENT_AGE,
    MAX_EVENT_LEAD,
    BehaviorBatch,
    FinanceBatch,
    check_times,
    clock_skew,
    decode_batch,
    domain_of,
    event_count,
)
from shared.topics import Domain

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOVE: dict[str, Any] = {"type": "pointer.move", "occurred_at": NOW.isoformat(), "x": 1.5, "y": 2}
TRACK: dict[str, Any] = {"type": "pointer.move", "started_at": NOW.isoformat(), "t": [0, 8], "x": [1, 2], "y": [3, 4]}


def batch(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "batch_id": "01936f2e-0000-7000-8000-000000000001",
        "domain": "behavior",
        "subject": {"type": "session", "id": "s-1"},
        "events": [MOVE],
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def decode(document: Any) -> Any:
    return decode_batch(json.dumps(document).encode())


def test_objects_and_track_samples_each_count_as_events() -> None:
    assert event_count(decode(batch(tracks=[TRACK, TRACK]))) == 5


@pytest.mark.parametrize("domain", [domain for domain in Domain if domain != Domain.BEHAVIOR])
def test_every_domain_has_its_envelope(domain: Domain) -> None:
    event = {"type": "order.placed", "occurred_at": NOW.isoformat(), "attributes": {"amount": 12.5, "currency": "EUR"}}
    assert domain_of(decode(batch(domain=domain.value, events=[event]))) == domain


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (MOVE | {"x": "1"}, "/events/0/x"),
        (MOVE | {"x": 10**400}, "/events/0/x"),
        (MOVE | {"x": 1e7}, "/events/0/x"),
        (MOVE | {"x": None}, "/events/0/x"),
        (MOVE | {"surprise": 1}, "/events/0"),
        (MOVE | {"type": "pointer.fly"}, "/events/0/type"),
        (MOVE | {"occurred_at": "2026-03-01T12:00:00"}, "/events/0/occurred_at"),
        (MOVE | {"event_id": "a\u0000b"}, "/events/0/event_id"),
        ({"type": "key.press", "occurred_at": NOW.isoformat(), "key_class": "letter", "key": "a"}, "/events/0"),
        ({"type": "key.press", "occurred_at": NOW.isoformat(), "key_class": "a"}, "/events/0/key_class"),
        ([[[[]]]], "/events/0"),
    ],
)
def test_a_wrong_event_is_pointed_at(event: Any, pointer: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(batch(events=[event]))
    assert (refused.value.code, refused.value.pointer) == ("invalid_value", pointer)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (batch(events=[]), "empty_batch"),
        (batch(events=None, tracks=[TRACK | {"x": [1]}]), "column_lengths"),
        (batch(events=None, tracks=[TRACK | {"t": []}]), "invalid_value"),
        (batch(events=[MOVE] * (MAX_EVENTS_PER_BATCH + 1)), "invalid_value"),
        (batch(events=[MOVE], tracks=[TRACK | dict.fromkeys("txy", [0] * MAX_EVENTS_PER_BATCH)]), "too_many_events"),
        (batch(batch_id="1"), "invalid_value"),
        (batch(domain="weather"), "invalid_value"),
        (batch(subject={"type": "session", "id": "a/b"}), "invalid_value"),
        (batch(subject={"type": "session", "id": "a\n"}), "invalid_value"),
        (batch(subject=None), "invalid_value"),
        (batch(domain="finance", tracks=[TRACK]), "invalid_value"),
        ([], "invalid_value"),
        (7, "invalid_value"),
    ],
)
def test_a_wrong_batch_is_refused_with_a_code(document: Any, code: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(document)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"batch_id": NaN}',
        b'{"batch_id": "01936f2e-0000-7000-8000-000000000001", "domain": "behavior", "x\xff": 1}',
        b"[" * 100_000,
        json.dumps(batch()).encode() + b"}",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        decode_batch(body)


def test_a_lone_surrogate_is_refused() -> None:
    body = json.dumps(batch(subject={"type": "session", "id": "PLACE"})).replace("PLACE", "\\ud800")
    with pytest.raises(ContractError):
        decode_batch(body.encode())


def test_an_attribute_takes_text_but_no_control_characters() -> None:
    def finance(text: str) -> FinanceBatch:
        event = {"type": "payment", "occurred_at": NOW.isoformat(), "attributes": {"note": text}}
        decoded: FinanceBatch = decode(batch(domain="finance", events=[event]))
        return decoded

    assert finance("Käse, 12 €").events[0].attributes == {"note": "Käse, 12 €"}
    with pytest.raises(ContractError):
        finance("a\u0000b")


@pytest.mark.parametrize("off_by", [timedelta(hours=-6), timedelta(hours=9)])
def test_a_wrong_clock_is_corrected_when_the_client_says_its_time(off_by: timedelta) -> None:
    client_now = NOW + off_by
    decoded = decode(batch(sent_at=client_now.isoformat(), events=[MOVE | {"occurred_at": client_now.isoformat()}]))
    check_times(decoded, NOW)
    assert clock_skew(decoded, NOW) == -off_by


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"events": [MOVE, MOVE | {"occurred_at": (NOW + timedelta(hours=1)).isoformat()}]}, "/events/1"),
        ({"events": [MOVE | {"occurred_at": (NOW - timedelta(days=8)).isoformat()}]}, "/events/0"),
        ({"tracks": [TRACK | {"started_at": "0001-01-01T00:00:00Z"}]}, "/tracks/0"),
        ({"tracks": [TRACK, TRACK | {"t": [0, 300_001]}]}, "/tracks/1/t"),
        ({"sent_at": "0001-01-01T00:00:00Z"}, "/sent_at"),
        ({"sent_at": "9999-12-31T23:59:59Z"}, "/sent_at"),
        ({"sent_at": (NOW - timedelta(hours=25)).isoformat()}, "/sent_at"),
        (
            {
                "sent_at": (NOW + timedelta(hours=1)).isoformat(),
                "events": [MOVE | {"occurred_at": (NOW + timedelta(hours=2)).isoformat()}],
            },
            "/events/0",
        ),
    ],
)
def test_an_impossible_time_is_refused(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ContractError) as refused:
        check_times(decode(batch(**changes)), NOW)
    assert (refused.value.code, refused.value.pointer) == ("clock_skew", pointer)


coordinates = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=30),
    st.uuids(),
    st.from_regex(r"[A-Za-z0-9._:@=+~-]{1,128}", fullmatch=True),
)
def test_what_is_encoded_is_what_is_decoded(points: list[tuple[float, float]], batch_id: UUID, subject: str) -> None:
    events = [MOVE | {"x": x, "y": y} for x, y in points]
    decoded = decode(batch(batch_id=str(batch_id), subject={"type": "session", "id": subject}, events=events))
    assert isinstance(decoded, BehaviorBatch)
    assert [(event.x, event.y) for event in decoded.events] == points  # type: ignore[union-attr]
    assert decode_batch(msgspec.json.encode(decoded)) == decoded


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_any_bytes_give_a_batch_or_a_contract_error(body: bytes) -> None:
    try:
        decode_batch(body)
    except ContractError as error:
        assert error.code


hours = st.floats(-400, 400).map(lambda hours: timedelta(hours=hours))


@given(first_after=hours, again_after=hours, sent_after=hours | st.none(), sent_again_after=hours | st.none())
def test_a_batch_is_taken_again_for_a_bounded_time(
    first_after: timedelta,
    again_after: timedelta,
    sent_after: timedelta | None,
    sent_again_after: timedelta | None,
) -> None:
    """Whatever clocks say: what looks for duplicates need not look further back than this."""

    def taken(received_at: datetime, sent_at: timedelta | None) -> bool:
        try:
            check_times(
                decode(batch(sent_at=(NOW + sent_at).isoformat() if sent_at is not None else None)), received_at
            )
        except ContractError:
            return False
        return True

    first_at, again_at = NOW + first_after, NOW + again_after
    if taken(first_at, sent_after) and taken(again_at, sent_again_after):
        assert again_at - first_at <= MAX_EVENT_AGE + MAX_EVENT_LEAD + 2 * MAX_CLOCK_SKEW
