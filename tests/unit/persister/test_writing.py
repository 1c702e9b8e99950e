from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.persister.errors import BrokerAway, Crash, PartitionTaken, PlanOutdated, StoreAway
from services.persister.memory import MemoryStore
from services.persister.planning import Reading, Stream, WritePlan, read_stream
from services.persister.reading import READERS, Table
from services.persister.writing import Writer
from shared.contracts.dead_letter import DeadLetter
from tests.unit.persister.records import BEHAVIOR, Record, batch_record

STREAM = Stream(BEHAVIOR, 0)


class Letters:
    def __init__(self, failures: int = 0) -> None:
        self.published: list[DeadLetter] = []
        self.failures = failures

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        if self.failures:
            self.failures -= 1
            raise BrokerAway("away")
        self.published.extend(letters)


class FailingStore(MemoryStore):
    """Raises what it is given, one at each write; before writing or after."""

    def __init__(self, before: Sequence[Exception] = (), after: Sequence[Exception] = ()) -> None:
        super().__init__()
        self.before, self.after = list(before), list(after)

    async def write(self, plan: WritePlan) -> None:
        if self.before:
            raise self.before.pop(0)
        await super().write(plan)
        if self.after:
            raise self.after.pop(0)


class Pauses:
    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def __call__(self, attempt: int) -> None:
        self.attempts.append(attempt)


def reading(*records: Record) -> list[Reading]:
    placed = [replace(record, offset=offset) for offset, record in enumerate(records)]
    found = read_stream(READERS[BEHAVIOR], STREAM, 0, placed)
    assert found is not None
    return [found]


async def write(store: MemoryStore, letters: Letters, *records: Record) -> Pauses:
    await store.claim({STREAM: 0})
    pauses = Pauses()
    await Writer(store, letters, pauses).write(reading(*records))
    return pauses


async def test_the_letter_is_out_before_the_books_count_it() -> None:
    store, letters = FailingStore(before=[Crash("stop here")]), Letters()
    with pytest.raises(Crash):
        await write(store, letters, Record())
    assert len(letters.published) == 1
    assert store.books[STREAM].next_offset == 0


async def test_what_the_store_refuses_is_a_letter_and_its_neighbours_are_rows() -> None:
    store, letters = MemoryStore(), Letters()
    await write(store, letters, batch_record(), batch_record(clock_skew_ms=2**64), batch_record())
    assert len(store.rows[Table.BATCHES]) == 2
    assert [letter.source_offset for letter in letters.published] == [1]
    assert store.books[STREAM][4:] == (2, 0, 1, 0)


async def test_an_absent_store_is_waited_for() -> None:
    store, letters = FailingStore(before=[StoreAway("1"), StoreAway("2")]), Letters()
    pauses = await write(store, letters, batch_record(), Record())
    assert pauses.attempts == [0, 1]
    assert store.books[STREAM][4:] == (1, 0, 1, 0)
    assert len(letters.published) == 1


async def test_an_absent_broker_is_waited_for_before_the_write() -> None:
    store, letters = MemoryStore(), Letters(failures=3)
    pauses = await write(store, letters, batch_record(), Record())
    assert len(pauses.attempts) == 3
    assert store.books[STREAM][4:] == (1, 0, 1, 0)


async def test_a_commit_whose_answer_was_lost_is_not_written_twice() -> None:
    store = FailingStore(after=[StoreAway("the connection broke at commit")])
    await write(store, Letters(), batch_record(), batch_record())
    assert store.books[STREAM][3:] == (2, 2, 0, 0, 0)


async def test_a_partition_taken_while_the_store_was_away_ends_it() -> None:
    store = FailingStore(before=[StoreAway("away")])
    await store.claim({STREAM: 0})

    async def another_instance_writes(_: int) -> None:
        store.books[STREAM] = store.books[STREAM]._replace(next_offset=1)

    with pytest.raises(PartitionTaken):
        await Writer(store, Letters(), another_instance_writes).write(reading(batch_record(), batch_record()))


async def test_planning_that_never_agrees_with_the_store_ends_it() -> None:
    store = FailingStore(before=[PlanOutdated("again")] * 50)
    with pytest.raises(Crash):
        await write(store, Letters(), batch_record())
