"""What every log does, in memory and over Kafka: the scorer's whole memory rests on it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.servers_for_tests import Servers
from services.scorer.stream.kafka import KafkaLogReader, KafkaPublisher
from services.scorer.stream.memory import MemoryLog
from services.scorer.stream.ports import BatchTooLarge, LogReader, OutRecord, Publisher
from shared.dead_letters import ConsumedRecord
from shared.topics import DEAD_LETTERS, MAX_RECORD_BATCH_BYTES, VERDICTS, Domain, state_topic

STATES = state_topic(Domain.BEHAVIOR)


class Bench:
    def __init__(self, publisher: Publisher, reader: LogReader, prefix: str = "") -> None:
        self.publisher = publisher
        self.reader = reader
        self.prefix = prefix

    async def all(self, topic: str, start: int | None = None) -> list[ConsumedRecord]:
        return [record async for portion in self.reader.read(self.prefix + topic, 1, start) for record in portion]


@pytest.fixture(params=["memory", "kafka"])
async def bench(
    request: pytest.FixtureRequest, servers: Servers, fresh_topics: Callable[..., Awaitable[str]]
) -> AsyncIterator[Bench]:
    if request.param == "memory":
        log = MemoryLog(MAX_RECORD_BATCH_BYTES)
        yield Bench(log, log)
        return
    async with AIOKafkaProducer(
        bootstrap_servers=servers.kafka_bootstrap, enable_idempotence=True, max_batch_size=MAX_RECORD_BATCH_BYTES
    ) as producer:
        publisher = KafkaPublisher(lambda: producer, timeout_s=10, check_session=lambda: None)
        yield Bench(publisher, KafkaLogReader(servers.kafka_bootstrap), await fresh_topics())


def records(count: int, size: int = 1) -> list[OutRecord]:
    return [OutRecord(b"k%d" % number, b"v" * size, [("n", b"%d" % number)]) for number in range(count)]


async def test_an_empty_log_has_no_records_and_ends_at_zero(bench: Bench) -> None:
    assert await bench.all(STATES) == []
    assert await bench.reader.bounds(bench.prefix + STATES, 1) == (0, 0)


async def test_what_is_published_comes_back_in_order_with_headers_and_tombstones(bench: Bench) -> None:
    wanted = [*records(3), OutRecord(b"gone", None, [("n", b"")])]
    assert await bench.publisher.publish(bench.prefix + STATES, 1, wanted) == 0
    assert await bench.publisher.publish(bench.prefix + STATES, 1, records(2)) == 4
    found = await bench.all(STATES)
    assert [OutRecord(r.key or b"", r.value, list(r.headers)) for r in found] == [*wanted, *records(2)]
    assert [record.offset for record in found] == list(range(6))
    assert await bench.reader.bounds(bench.prefix + STATES, 1) == (0, 6)


async def test_reading_starts_where_it_is_told(bench: Bench) -> None:
    await bench.publisher.publish(bench.prefix + VERDICTS, 1, records(10))
    assert [record.offset for record in await bench.all(VERDICTS, 7)] == [7, 8, 9]
    assert await bench.all(VERDICTS, 10) == []


async def test_what_does_not_fit_into_one_record_batch_is_not_sent_at_all(bench: Bench) -> None:
    with pytest.raises(BatchTooLarge):
        await bench.publisher.publish(bench.prefix + STATES, 1, records(9, 1_000_000))
    assert await bench.reader.bounds(bench.prefix + STATES, 1) == (0, 0)
    assert await bench.publisher.publish(bench.prefix + STATES, 1, records(8, 1_000_000)) == 0


async def test_dead_letters_are_published_by_key(bench: Bench) -> None:
    await bench.publisher.publish_by_key(bench.prefix + DEAD_LETTERS, records(5))
    ends = [(await bench.reader.bounds(bench.prefix + DEAD_LETTERS, partition))[1] for partition in range(4)]
    assert sum(ends) == 5
