import uuid
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.persister.reading import (
    COLUMNS,
    READERS,
    Rejection,
    Row,
    Table,
    read_batch,
    read_letter,
    read_record,
    read_verdict,
)
from shared.contracts.dead_letter import DeadLetterReason
from tests.unit.persister.records import (
    BEHAVIOR,
    Record,
    batch_record,
    letter_of,
    letter_record,
    verdict_of,
    verdict_record,
)


def rejected(result: Row | Rejection) -> DeadLetterReason:
    assert isinstance(result, Rejection)
    assert result.published
    return result.letter.reason


@pytest.mark.parametrize("record", [batch_record(3), verdict_record(3), letter_record(3)])
def test_a_good_record_gives_a_value_for_every_column(record: Record) -> None:
    row = read_record(READERS[record.topic], record)
    assert isinstance(row, Row)
    assert len(row.values) == len(COLUMNS[row.table])
    assert not row.rejected


def test_the_payload_passes_through_as_it_is() -> None:
    value = b'{ "events" : [] , "x": "\xc3\xa4"}'
    assert read_batch(batch_record(value=value)).values[-1] is value


def without(record: Record, name: str) -> Record:
    return replace(record, headers=[header for header in record.headers if header[0] != name])


def with_header(record: Record, name: str, value: object) -> Record:
    return replace(record, headers=[*without(record, name).headers, (name, value)])  # type: ignore[list-item]


BATCH_HEADERS = ["ce_id", "ce_tenantid", "ce_type", "ce_subject", "ce_time", "ce_eventcount", "ce_clockskewms"]


@pytest.mark.parametrize("name", [*BATCH_HEADERS, "ce_traceparent"])
def test_a_batch_without_a_header_is_a_letter(name: str) -> None:
    assert rejected(read_record(read_batch, without(batch_record(), name))) is DeadLetterReason.MISSING_HEADER


@pytest.mark.parametrize("value", [b"\xff", None])
@pytest.mark.parametrize("name", BATCH_HEADERS)
def test_a_batch_with_a_broken_header_is_a_letter(name: str, value: object) -> None:
    assert rejected(read_record(read_batch, with_header(batch_record(), name, value))) is (
        DeadLetterReason.MISSING_HEADER
    )


CASES = {
    "no value": (read_batch, replace(batch_record(), value=None), DeadLetterReason.UNDECODABLE),
    "no JSON": (read_batch, batch_record(value=b'{"a":'), DeadLetterReason.UNDECODABLE),
    "not only JSON": (read_batch, batch_record(value=b"{}{}"), DeadLetterReason.UNDECODABLE),
    "NUL": (read_batch, batch_record(value=b'{"a":"\x00"}'), DeadLetterReason.UNDECODABLE),
    "no UTF-8": (read_batch, batch_record(value=b'{"a":"\xff"}'), DeadLetterReason.UNDECODABLE),
    "nested": (read_batch, batch_record(value=b"[" * 100_000), DeadLetterReason.UNDECODABLE),
    "other key": (read_batch, replace(batch_record(), key=b"other:session/s-1"), DeadLetterReason.WRONG_KEY),
    "no key": (read_batch, replace(batch_record(), key=None), DeadLetterReason.WRONG_KEY),
    "no events": (read_batch, batch_record(event_count=0), DeadLetterReason.CONTRACT_VIOLATION),
    "negative events": (read_batch, batch_record(event_count=-5), DeadLetterReason.CONTRACT_VIOLATION),
    "too many events": (read_batch, batch_record(event_count=2**31), DeadLetterReason.CONTRACT_VIOLATION),
    "verdict: no value": (read_verdict, replace(verdict_record(), value=None), DeadLetterReason.UNDECODABLE),
    "verdict: no JSON": (read_verdict, replace(verdict_record(), value=b"{"), DeadLetterReason.UNDECODABLE),
    "verdict: nested": (
        read_verdict,
        replace(verdict_record(), value=b'{"x":' + b"[" * 100_000),
        DeadLetterReason.UNDECODABLE,
    ),
    "verdict: no UTF-8": (
        read_verdict,
        replace(verdict_record(), value=(verdict_record().value or b"").replace(b"STRAIGHT_PATHS", b"\xff")),
        DeadLetterReason.UNDECODABLE,
    ),
    "verdict: other document": (
        read_verdict,
        replace(verdict_record(), value=b"{}"),
        DeadLetterReason.CONTRACT_VIOLATION,
    ),
    "verdict: no stamp": (read_verdict, without(verdict_record(), "ce_time"), DeadLetterReason.MISSING_HEADER),
    "verdict: broken stamp": (
        read_verdict,
        with_header(verdict_record(), "ce_time", None),
        DeadLetterReason.MISSING_HEADER,
    ),
    "verdict: other key": (read_verdict, replace(verdict_record(), key=b"x"), DeadLetterReason.WRONG_KEY),
    "verdict: huge counts": (
        read_verdict,
        verdict_record(0, verdict_of(batch_count=2**63)),
        DeadLetterReason.CONTRACT_VIOLATION,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_row_is_a_letter_with_its_reason(case: str) -> None:
    reader, record, reason = CASES[case]
    assert rejected(read_record(reader, record)) is reason


def test_a_letter_keeps_what_could_be_understood_and_all_bytes() -> None:
    batch_id = uuid.uuid4()
    record = replace(batch_record(9, batch_id=batch_id, value=b"\x00\xff"), key=b"\xfe", partition=3)
    result = read_record(read_batch, record)
    assert isinstance(result, Rejection)
    letter = result.letter
    assert (letter.source_topic, letter.source_partition, letter.source_offset) == (BEHAVIOR, 3, 9)
    assert (letter.tenant_id, letter.batch_id, letter.payload, letter.key) == ("acme", batch_id, b"\x00\xff", b"\xfe")
    assert int(letter.source_timestamp.timestamp() * 1000) == record.timestamp
    assert msgspec.json.decode(msgspec.json.encode(letter), type=type(letter)) == letter


LETTERS_NOBODY_CAN_READ = [
    b"?\x00",
    b"{}",
    msgspec.json.encode(msgspec.structs.replace(letter_of(), source_partition=2**31)),
    msgspec.json.encode(msgspec.structs.replace(letter_of(), source_offset=2**63)),
    msgspec.json.encode(msgspec.structs.replace(letter_of(), source_timestamp=datetime.min.replace(tzinfo=UTC))),
]


@pytest.mark.parametrize("value", LETTERS_NOBODY_CAN_READ)
def test_a_letter_that_cannot_be_read_is_kept_and_not_published(value: bytes) -> None:
    row = read_letter(Record(topic="dead-letters.v1", offset=4, value=value))
    assert row.rejected
    assert row.table is Table.DEAD_LETTERS
    assert row.values[-1] == value


def test_text_that_postgresql_cannot_hold_is_made_harmless_in_a_letter() -> None:
    letter = msgspec.structs.replace(letter_of(), detail="a\x00b", headers={"h\x00": "v\x00"})
    row = read_letter(letter_record(0, letter))
    assert not any(isinstance(value, str) and "\x00" in value for value in row.values)
    assert b"u0000" not in row.values[COLUMNS[Table.DEAD_LETTERS].index("headers")]


anything = st.one_of(st.none(), st.binary(max_size=40))


@given(
    topic=st.sampled_from(sorted(READERS)),
    key=anything,
    value=anything,
    timestamp=st.integers(-(2**63), 2**63 - 1),
    headers=st.lists(
        st.tuples(st.sampled_from([*BATCH_HEADERS, "ce_traceparent", "x"]), anything), max_size=9
    ),
)  # fmt: skip
def test_no_record_raises(
    topic: str, key: bytes | None, value: bytes | None, timestamp: int, headers: list[tuple[str, bytes]]
) -> None:
    record = Record(topic, 0, 0, timestamp, key, value, headers)
    assert isinstance(read_record(READERS[topic], record), Row | Rejection)
