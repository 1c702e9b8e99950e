"""What every publisher does, in memory and over Kafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.servers_for_tests import Servers
from services.gateway.kafka import KafkaLimits, KafkaPublisher
from services.gateway.memory import MemoryPublisher
from services.gateway.partitioner import partition_of
from services.gateway.ports import BrokerUnavailable, Publisher, PublisherFull, Record
from shared.topics import Domain
from tests.integration.gateway.kit import gateway_settings, until

FreshTopics = Callable[..., Awaitable[str]]
NOW_MS = 1_772_366_400_000
MAX_BATCHES, MAX_BYTES = 50, 4_000_000


class Bench:
    """A publisher and a way to see what reached the broker."""

    def __init__(self, publisher: MemoryPublisher | KafkaPublisher, bootstrap: str = "", prefix: str = "") -> None:
        self.publisher: Publisher = publisher
        self.in_flight = publisher.in_flight
        self._memory = publisher if isinstance(publisher, MemoryPublisher) else None
        self._bootstrap, self._prefix = bootstrap, prefix

    async def published(self, count: int) -> list[tuple[str, bytes, bytes, list[tuple[str, bytes]], int]]:
        """Topic domain, key, value, headers and timestamp of everything published."""
        if self._memory is not None:
            return [(r.domain.value, r.key, r.value, r.headers, r.timestamp_ms) for r in self._memory.records]
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            topics = {f"{self._prefix}events.{domain}.v1": domain.value for domain in Domain}
            consumer.assign([TopicPartition(topic, index) for topic in topics for index in range(4)])
            found: list[tuple[str, bytes, bytes, list[tuple[str, bytes]], int]] = []
            async with asyncio.timeout(15):
                while len(found) < count:
                    for partition, records in (await consumer.getmany(timeout_ms=300)).items():
                        for r in records:
                            assert partition_of(r.key, 4) == partition.partition
                            found.append((topics[partition.topic], r.key, r.value, list(r.headers), r.timestamp))
            return found
        finally:
            await consumer.stop()


@pytest.fixture(params=["memory", "kafka"])
async def bench(request: pytest.FixtureRequest, servers: Servers, fresh_topics: FreshTopics) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield Bench(MemoryPublisher(MAX_BATCHES, MAX_BYTES))
        return
    prefix = await fresh_topics()
    limits = gateway_settings(
        servers,
        prefix,
        max_in_flight_batches=MAX_BATCHES,
        max_in_flight_bytes=MAX_BYTES,
    )
    publisher = KafkaPublisher(KafkaLimits.of(limits))
    await publisher.start()
    try:
        await until(lambda: publisher.ready)
        yield Bench(publisher, servers.kafka_bootstrap, prefix)
    finally:
        await publisher.stop()


def record(index: int, domain: Domain = Domain.BEHAVIOR, value: bytes | None = None) -> Record:
    return Record(
        domain, f"acme:session/s-{index % 7}".encode(), value or b"%d" % index, [("ce_id", b"%d" % index)], NOW_MS
    )


async def test_what_is_acknowledged_is_there_unchanged(bench: Bench) -> None:
    records = [record(index, domain) for index, domain in enumerate(Domain)]
    await bench.publisher.publish(records)
    assert sorted(await bench.published(len(records))) == sorted(
        (r.domain.value, r.key, r.value, r.headers, r.timestamp_ms) for r in records
    )
    assert (bench.in_flight.batches, bench.in_flight.bytes) == (0, 0)


async def test_many_at_once_all_arrive_and_a_subject_keeps_its_order(bench: Bench) -> None:
    for start in range(0, 200, 40):
        await asyncio.gather(*(bench.publisher.publish([record(start + index)]) for index in range(40)))
    found = await bench.published(200)
    assert len(found) == 200
    by_key: dict[bytes, list[int]] = {}
    for _, key, value, _, _ in found:
        by_key.setdefault(key, []).append(int(value))
    assert all(values == sorted(values) for values in by_key.values())


async def test_the_largest_body_passes(bench: Bench) -> None:
    value = b"x" * 2_097_152
    await bench.publisher.publish([record(1, value=value)])
    assert [found[2] for found in await bench.published(1)] == [value]


@pytest.mark.parametrize(
    "records", [[record(1)] * MAX_BATCHES, [record(1, value=b"x" * MAX_BYTES)]], ids=["count", "bytes"]
)
async def test_while_enough_is_under_way_nothing_is_taken(bench: Bench, records: list[Record]) -> None:
    bench.in_flight.take(records)
    with pytest.raises(PublisherFull):
        await bench.publisher.publish([record(1)])
    bench.in_flight.give_back(records)
    await bench.publisher.publish([record(2)])
    assert [found[2] for found in await bench.published(1)] == [b"2"]


async def test_a_caller_that_leaves_gives_nothing_back_too_early_or_never(bench: Bench) -> None:
    leaving = asyncio.create_task(bench.publisher.publish([record(1)]))
    await asyncio.sleep(0)
    leaving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaving
    await until(lambda: bench.in_flight.batches == 0 and bench.in_flight.bytes == 0)
    await bench.publisher.publish([record(2)])


@pytest.mark.parametrize("kind", ["memory", "kafka"])
async def test_without_a_broker_it_starts_refuses_and_stops(kind: str, unused_tcp_port: int) -> None:
    publisher: Publisher
    if kind == "memory":
        publisher = memory = MemoryPublisher()
        memory.available = False
    else:
        publisher = KafkaPublisher(KafkaLimits(f"127.0.0.1:{unused_tcp_port}", "", 1_000, 10, 1_000, 1.0))
    await publisher.start()
    assert not publisher.ready
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([record(1)])
    async with asyncio.timeout(10):
        await publisher.stop()
