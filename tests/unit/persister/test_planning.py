import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.persister.planning import (
    Reading,
    Seen,
    Stream,
    WritePlan,
    asked_of,
    fingerprint,
    plan_write,
    read_stream,
    reject_rows,
)
from services.persister.reading import READERS, Row, Table
from shared.contracts.dead_letter import DeadLetterReason
from tests.unit.persister.records import (
    BEHAVIOR,
    NOW,
    Record,
    batch_record,
    letter_of,
    letter_record,
    verdict_of,
    verdict_record,
)

IDS = [uuid.UUID(int=number) for number in range(4)]
TOPICS = [BEHAVIOR, "verdicts.v1", "dead-letters.v1"]


def read(records: Sequence[Record], expected: int = 0) -> Reading:
    reading = read_stream(READERS[records[0].topic], Stream(records[0].topic, 0), expected, records)
    assert reading is not None
    return reading


def outcomes(plan: WritePlan) -> tuple[int, int, int, int]:
    moves = plan.advances
    return (
        sum(move.persisted for move in moves),
        sum(move.duplicates for move in moves),
        sum(move.rejected for move in moves),
        sum(move.missing for move in moves),
    )


def test_earlier_records_are_skipped_and_a_gap_is_missing() -> None:
    reading = read([batch_record(offset) for offset in (3, 4, 5, 8)], expected=4)
    assert (reading.first, reading.next_offset, reading.missing, len(reading.items)) == (4, 9, 2, 3)
    assert outcomes(plan_write([reading], {})) == (3, 0, 0, 2)


def test_nothing_new_is_nothing() -> None:
    assert read_stream(READERS[BEHAVIOR], Stream(BEHAVIOR, 0), 9, [batch_record(8)]) is None


def test_a_batch_sent_again_is_a_duplicate_even_when_stamped_anew() -> None:
    first = batch_record(0, batch_id=IDS[0], value=b'{"sent_at":"a","events":[1]}')
    again = batch_record(1, batch_id=IDS[0], value=b'{"sent_at":"b", "events":[1]}')
    plan = plan_write([read([first, again])], {})
    assert outcomes(plan) == (1, 1, 0, 0)
    assert [row.record for row in plan.rows[Table.BATCHES]] == [first]


def test_another_batch_with_the_same_id_is_rejected() -> None:
    first = batch_record(0, batch_id=IDS[0])
    others = [
        batch_record(1, batch_id=IDS[0], subject="session/other"),
        batch_record(2, batch_id=IDS[0], value=b'{"events":[2]}'),
    ]
    plan = plan_write([read([first, *others])], {})
    assert outcomes(plan) == (1, 0, 2, 0)
    assert {letter.reason for letter in plan.letters} == {DeadLetterReason.BATCH_ID_CONFLICT}


def test_the_same_id_of_another_tenant_is_another_batch() -> None:
    records = [batch_record(0, batch_id=IDS[0]), batch_record(1, batch_id=IDS[0], tenant_id="other")]
    assert outcomes(plan_write([read(records)], {})) == (2, 0, 0, 0)


def test_what_the_store_has_is_a_duplicate_or_a_conflict() -> None:
    records = [batch_record(0, batch_id=IDS[0]), batch_record(1, batch_id=IDS[1])]
    same = fingerprint("behavior", "session", "s-1", records[0].value or b"")
    seen: Seen = {
        Table.BATCHES: {("acme", IDS[0]): same, ("acme", IDS[1]): same._replace(digest=b"")},
        Table.VERDICTS: {("acme", IDS[0]): None},
    }
    verdicts = [verdict_record(0, verdict_of(IDS[0])), verdict_record(1, verdict_of(IDS[1]))]
    assert outcomes(plan_write([read(records), read(verdicts)], seen)) == (1, 2, 1, 0)


def test_a_session_is_as_of_its_last_verdict() -> None:
    records = [verdict_record(offset, verdict_of(IDS[offset], batch_count=offset + 1)) for offset in range(3)]
    plan = plan_write([read(records)], {})
    assert [(session.batch_count, session.source_offset) for session in plan.sessions] == [(3, 2)]


def test_a_refused_row_leaves_its_place_to_an_equal_one() -> None:
    first, again = batch_record(0, batch_id=IDS[0]), batch_record(1, batch_id=IDS[0])
    reading = read([first, again])
    refused = reading.items[0]
    assert isinstance(refused, Row)
    plan = plan_write(reject_rows([reading], [(refused, "refused")]), {})
    assert outcomes(plan) == (1, 0, 1, 0)
    assert [letter.reason for letter in plan.letters] == [DeadLetterReason.ROW_REFUSED]


def test_a_refused_letter_is_not_published() -> None:
    reading = read([letter_record()])
    refused = reading.items[0]
    assert isinstance(refused, Row)
    plan = plan_write(reject_rows([reading], [(refused, "refused")]), {})
    assert (outcomes(plan), plan.letters) == ((0, 0, 1, 0), [])


def test_what_must_be_looked_up_reaches_back_to_the_earliest_row() -> None:
    earlier = NOW - timedelta(days=2)
    asked = asked_of([read([batch_record(0), batch_record(1, received_at=earlier)])])
    assert (len(asked[Table.BATCHES].identities), asked[Table.BATCHES].earliest) == (2, earlier)
    assert set(asked) == {Table.BATCHES}


def test_bytes_that_are_no_json_have_a_fingerprint_too() -> None:
    assert fingerprint("behavior", "session", "s", b"{") != fingerprint("behavior", "session", "s", b"[")


@st.composite
def some_records(draw: st.DrawFn) -> list[Record]:
    topic = draw(st.sampled_from(TOPICS))
    offsets = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=12)))
    records = []
    for offset in offsets:
        batch_id = draw(st.sampled_from(IDS))
        subject = draw(st.sampled_from(["s-1", "s-2"]))
        good = {
            BEHAVIOR: batch_record(batch_id=batch_id, subject=f"session/{subject}"),
            "verdicts.v1": verdict_record(0, verdict_of(batch_id, subject_id=subject)),
            "dead-letters.v1": letter_record(0, letter_of(batch_id.int)),
        }[topic]
        broken = draw(st.sampled_from(["no", "no", "value", "headers", "key"]))
        if broken == "value":
            good = replace(good, value=b"\x00")
        elif broken == "headers":
            good = replace(good, headers=[])
        elif broken == "key":
            good = replace(good, key=b"x")
        records.append(replace(good, topic=topic, offset=offset))
    return records


@given(streams=st.lists(some_records(), min_size=1, max_size=4), expected=st.integers(0, 10), data=st.data())
def test_every_offset_has_one_outcome(streams: list[list[Record]], expected: int, data: st.DataObject) -> None:
    streams = [[replace(record, partition=number) for record in records] for number, records in enumerate(streams)]
    readings = [
        reading
        for number, records in enumerate(streams)
        if (reading := read_stream(READERS[records[0].topic], Stream(records[0].topic, number), expected, records))
    ]
    rows = [item for reading in readings for item in reading.items if isinstance(item, Row)]
    refused = data.draw(st.lists(st.sampled_from(rows), max_size=3, unique_by=id)) if rows else []
    readings = reject_rows(readings, [(row, "refused") for row in refused])
    plan = plan_write(readings, {})

    for move, reading in zip(plan.advances, readings, strict=True):
        assert min(move[4:]) >= 0
        assert move.next_offset - move.expected == move.persisted + move.duplicates + move.rejected + move.missing
        assert move.expected == reading.first == expected
    written = [row for found in plan.rows.values() for row in found]
    kept_bytes = sum(row.rejected for row in written)
    assert len(written) - kept_bytes == sum(move.persisted for move in plan.advances)
    identities = [(row.table, row.identity) for row in written]
    assert len(identities) == len(set(identities))
    assert len({letter.dead_letter_id for letter in plan.letters}) == len(plan.letters)
    assert all(msgspec.json.encode(letter) for letter in plan.letters)
