"""What every store does: the suite that memory and PostgreSQL both pass."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from services.persister.errors import PartitionTaken, PlanOutdated, RowsRefused
from services.persister.planning import Stream, WritePlan, asked_of, plan_write, read_stream, reject_rows
from services.persister.reading import READERS, Row, Table
from services.persister.store import Store
from shared.contracts.batch import MAX_CLOCK_SKEW, MAX_EVENT_AGE, MAX_EVENT_LEAD
from tests.unit.persister.records import NOW, Record, batch_record, letter_record, verdict_of, verdict_record

ReadSessions = Callable[[str], Awaitable[list[tuple[int, int, int]]]]  # of a tenant: batches, events, source offset


def plan_of(stream: Stream, topic: str, records: Sequence[Record], start: int = 0) -> WritePlan:
    """Plan records as the next ones of a stream."""
    placed = [replace(record, topic=topic, offset=start + index) for index, record in enumerate(records)]
    reading = read_stream(READERS[topic], stream, start, placed)
    assert reading is not None
    return plan_write([reading], {})


class StoreContract:
    """Tests of one store; give it by the fixture ``store``, and its sessions by ``read_sessions``."""

    @pytest.fixture
    def stream(self) -> Stream:
        return Stream(f"test.{uuid.uuid4()}", 3)

    @pytest.fixture
    def tenant_id(self) -> str:
        return f"t-{uuid.uuid4().hex[:12]}"

    async def test_books_open_once(self, store: Store, stream: Stream) -> None:
        assert await store.next_offsets([stream]) == {}
        assert await store.claim({stream: 5}) == {stream: 5}
        assert await store.claim({stream: 9}) == {stream: 5}
        assert await store.next_offsets([stream]) == {stream: 5}

    async def test_a_write_moves_the_books_and_is_seen(self, store: Store, stream: Stream, tenant_id: str) -> None:
        batch_id = uuid.uuid4()
        records = [batch_record(batch_id=batch_id, tenant_id=tenant_id), Record(value=b"no headers")]
        await store.claim({stream: 0})
        reading = read_stream(
            READERS[records[0].topic], stream, 0, [replace(r, offset=i) for i, r in enumerate(records)]
        )
        assert reading is not None
        plan = plan_write([reading], await store.seen(asked_of([reading])))
        await store.write(plan)
        assert await store.next_offsets([stream]) == {stream: 2}

        again = plan_write([reading], await store.seen(asked_of([reading])))
        assert [(move.persisted, move.duplicates, move.rejected) for move in again.advances] == [(0, 1, 1)]

    async def test_a_batch_with_a_known_id_and_other_content_is_told_apart(
        self, store: Store, stream: Stream, tenant_id: str
    ) -> None:
        batch_id = uuid.uuid4()
        await store.claim({stream: 0})
        first = batch_record(batch_id=batch_id, tenant_id=tenant_id)
        await store.write(plan_of(stream, first.topic, [first]))
        other = batch_record(1, batch_id=batch_id, tenant_id=tenant_id, value=b'{"events":[]}')
        reading = read_stream(READERS[first.topic], stream, 1, [other])
        assert reading is not None
        plan = plan_write([reading], await store.seen(asked_of([reading])))
        assert [(move.duplicates, move.rejected) for move in plan.advances] == [(0, 1)]

    async def test_a_batch_is_known_for_as_long_as_a_gateway_takes_it_again(
        self, store: Store, stream: Stream, tenant_id: str
    ) -> None:
        batch_id, taken_again_for = uuid.uuid4(), MAX_EVENT_AGE + MAX_EVENT_LEAD + 2 * MAX_CLOCK_SKEW
        await store.claim({stream: 0})
        first = batch_record(batch_id=batch_id, tenant_id=tenant_id, received_at=NOW - taken_again_for)
        await store.write(plan_of(stream, first.topic, [first]))
        again = batch_record(1, batch_id=batch_id, tenant_id=tenant_id, received_at=NOW)
        reading = read_stream(READERS[first.topic], stream, 1, [again])
        assert reading is not None
        plan = plan_write([reading], await store.seen(asked_of([reading])))
        assert [(move.persisted, move.duplicates) for move in plan.advances] == [(0, 1)]

    async def test_who_lost_the_partition_writes_nothing(self, store: Store, stream: Stream, tenant_id: str) -> None:
        await store.claim({stream: 0})
        verdict = verdict_of(tenant_id=tenant_id)
        plan = plan_of(stream, "verdicts.v1", [verdict_record(0, verdict)], start=7)
        with pytest.raises(PartitionTaken):
            await store.write(plan)
        assert await store.next_offsets([stream]) == {stream: 0}
        row = plan.rows[Table.VERDICTS][0]
        assert not await self._has(store, row)

    async def test_who_lost_one_of_two_partitions_writes_neither(self, store: Store, stream: Stream) -> None:
        other = Stream(stream.topic, 4)
        await store.claim({stream: 0, other: 0})
        mine = plan_of(stream, "dead-letters.v1", [letter_record()])
        lost = plan_of(other, "dead-letters.v1", [letter_record()], start=3)
        both = WritePlan(mine.rows, [], [*mine.advances, *lost.advances], [])
        with pytest.raises(PartitionTaken):
            await store.write(both)
        assert await store.next_offsets([stream, other]) == {stream: 0, other: 0}

    async def test_a_session_is_as_of_the_verdict_that_has_seen_most(
        self, store: Store, stream: Stream, tenant_id: str, read_sessions: ReadSessions
    ) -> None:
        first, second, third = (verdict_of(tenant_id=tenant_id, batch_count=count) for count in (1, 2, 3))
        await store.claim({stream: 0})
        await store.write(plan_of(stream, "verdicts.v1", [verdict_record(0, first)]))
        assert await read_sessions(tenant_id) == [(1, 2, 0)]
        # The second was refused, and is sent on again after the third: within one write, and in a write of its own.
        await store.write(plan_of(stream, "verdicts.v1", [verdict_record(0, third), verdict_record(0, second)], 1))
        assert await read_sessions(tenant_id) == [(3, 6, 1)]
        late = verdict_of(tenant_id=tenant_id, batch_count=2)
        await store.write(plan_of(stream, "verdicts.v1", [verdict_record(0, late)], 3))
        assert await read_sessions(tenant_id) == [(3, 6, 1)]

    @pytest.mark.parametrize("topic", ["events.behavior.v1", "verdicts.v1", "dead-letters.v1"])
    async def test_a_row_that_is_there_outdates_the_plan(
        self, store: Store, stream: Stream, tenant_id: str, topic: str
    ) -> None:
        make: dict[str, Callable[[], Record]] = {
            "events.behavior.v1": lambda: batch_record(tenant_id=tenant_id),
            "verdicts.v1": lambda: verdict_record(0, verdict_of(tenant_id=tenant_id)),
            "dead-letters.v1": letter_record,
        }
        record = make[topic]()
        await store.claim({stream: 0})
        await store.write(plan_of(stream, topic, [record]))
        with pytest.raises(PlanOutdated):
            await store.write(plan_of(stream, topic, [record], start=1))
        assert await store.next_offsets([stream]) == {stream: 1}

    async def test_refused_rows_are_named_and_nothing_is_written(
        self, store: Store, stream: Stream, tenant_id: str
    ) -> None:
        records = [batch_record(tenant_id=tenant_id) for _ in range(30)]
        records[4] = batch_record(tenant_id=tenant_id, clock_skew_ms=-(2**64))
        records[5] = batch_record(tenant_id=tenant_id, subject="session/a\x00b")
        records[17] = batch_record(tenant_id=tenant_id, subject="session/\x00")
        records[29] = batch_record(tenant_id=tenant_id, clock_skew_ms=2**64)
        await store.claim({stream: 0})
        placed = [replace(record, offset=offset) for offset, record in enumerate(records)]
        reading = read_stream(READERS[records[0].topic], stream, 0, placed)
        assert reading is not None
        good = reading.items[0]
        assert isinstance(good, Row)
        refused: list[int] = []
        while len(refused) < 4:  # a store may name some first and the others when asked again
            with pytest.raises(RowsRefused) as named:
                await store.write(plan_write([reading], {}))
            assert await store.next_offsets([stream]) == {stream: 0}
            assert not await self._has(store, good)
            refused += [row.record.offset for row, _ in named.value.refusals]
            (reading,) = reject_rows([reading], named.value.refusals)
        assert sorted(refused) == [4, 5, 17, 29]
        await store.write(plan_write([reading], {}))
        assert await self._has(store, good)

    async def _has(self, store: Store, row: Row) -> bool:
        reading = read_stream(lambda _: row, Stream("any", 0), 0, [replace(batch_record(), offset=0)])
        assert reading is not None
        seen = await store.seen(asked_of([reading]))
        return row.identity in seen.get(row.table, {})
