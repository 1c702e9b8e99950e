"""The outbox over a scripted producer: grouping, bounds, failures, giving up."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from services.gateway.outbox import Delivery, InFlight, Outbox, Pace
from services.gateway.partitioner import partition_of
from services.gateway.ports import BrokerUnavailable, PublisherFull, Record
from shared.topics import Domain, partition_key


class FakeBatch:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.values: list[bytes] = []
        self.closed = False

    def append(
        self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: Sequence[Any] = ()
    ) -> object | None:
        assert not self.closed
        assert value is not None
        if len(self.values) == self.limit:
            return None
        self.values.append(value)
        return self

    def close(self) -> None:
        self.closed = True


class FakeProducer:
    """Acknowledges when the test says so."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.sent: list[list[bytes]] = []
        self.acks: list[asyncio.Future[object]] = []
        self.refuses: Exception | None = None

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self.limit)

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> Awaitable[object]:
        assert batch.closed
        if self.refuses is not None:
            raise self.refuses
        self.sent.append(batch.values)
        self.acks.append(asyncio.get_running_loop().create_future())
        return self.acks[-1]


class Desk:
    """An outbox and what surrounds it."""

    def __init__(self, limit: int = 100, max_batches: int = 1_000, max_bytes: int = 1_000_000) -> None:
        self.producer = FakeProducer(limit)
        self.in_flight = InFlight(max_batches, max_bytes)
        self.broken: list[Exception] = []
        self.outbox = self.partition(0)

    def partition(self, index: int) -> Outbox:
        return Outbox(self.producer, "events", index, self.in_flight, Pace(self.in_flight), self.broken.append)

    def put(self, *values: bytes) -> Delivery:
        records = [Record(Domain.BEHAVIOR, b"k", value, [], 0) for value in values]
        self.in_flight.take(records)
        delivery = Delivery(len(records), 0.0)
        for record in records:
            self.outbox.put(record, delivery)
        return delivery


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_arrives_in_flight_forms_the_next_record_batch() -> None:
    desk = Desk()
    first = desk.put(b"1")
    await settle()
    later = [desk.put(b"2"), desk.put(b"3", b"4")]
    await settle()
    assert desk.producer.sent == [[b"1"]]
    desk.producer.acks[0].set_result(None)
    await settle()
    assert first.done.done()
    assert desk.producer.sent == [[b"1"], [b"2", b"3", b"4"]]
    assert not any(delivery.done.done() for delivery in later)
    desk.producer.acks[1].set_result(None)
    await settle()
    assert all(delivery.done.result() is None for delivery in later)
    assert (desk.in_flight.batches, desk.in_flight.bytes) == (0, 0)


async def test_when_busy_the_partitions_leave_together() -> None:
    desk = Desk()
    late = desk.partition(1)
    desk.put(*(b"%d" % index for index in range(20)))
    await settle()
    assert desk.producer.sent == []  # waits for its turn
    late.put(Record(Domain.BEHAVIOR, b"k", b"late", [], 0), Delivery(1, 0.0))
    async with asyncio.timeout(5):
        while not desk.producer.sent:
            await asyncio.sleep(0)
    await settle()
    assert {values[-1] for values in desk.producer.sent} == {b"19", b"late"}
    for acknowledgement in desk.producer.acks:
        acknowledgement.set_result(None)
    await desk.outbox.drained()


async def test_a_full_record_batch_leaves_the_rest_for_the_next() -> None:
    desk = Desk(limit=2)
    desk.put(b"1", b"2", b"3", b"4", b"5")
    for index in range(3):
        await settle()
        desk.producer.acks[index].set_result(None)
    await desk.outbox.drained()
    assert desk.producer.sent == [[b"1", b"2"], [b"3", b"4"], [b"5"]]


@pytest.mark.parametrize("where", ["send", "acknowledge"])
async def test_a_failure_fails_what_is_behind_it_and_is_told(where: str) -> None:
    desk = Desk()
    error = RuntimeError("out of order")
    if where == "send":
        desk.producer.refuses = error
    first = desk.put(b"1")
    await settle()
    behind = desk.put(b"2") if where == "acknowledge" else first
    if where == "acknowledge":
        desk.producer.acks[0].set_exception(error)
    for delivery in (first, behind):
        with pytest.raises(BrokerUnavailable):
            await delivery.done
    assert desk.broken == [error]
    assert (desk.in_flight.batches, desk.in_flight.bytes) == (0, 0)


async def test_what_its_caller_gave_up_is_not_sent() -> None:
    desk = Desk()
    first = desk.put(b"1")
    await settle()
    given_up, kept = desk.put(b"2"), desk.put(b"3")
    given_up.done.cancel()
    first.done.cancel()
    assert desk.in_flight.batches == 3  # what is on its way weighs until it is acknowledged
    desk.producer.acks[0].set_result(None)
    await settle()
    assert desk.producer.sent == [[b"1"], [b"3"]]
    assert desk.in_flight.batches == 1
    desk.producer.acks[1].set_result(None)
    await kept.done
    await desk.outbox.drained()


@pytest.mark.parametrize("running", [False, True])
async def test_abort_fails_everything(running: bool) -> None:
    desk = Desk()
    deliveries = [desk.put(b"1")]
    if running:
        await settle()
    deliveries.append(desk.put(b"2"))
    await desk.outbox.abort()
    for delivery in deliveries:
        with pytest.raises(BrokerUnavailable):
            await delivery.done
    assert (desk.in_flight.batches, desk.in_flight.bytes) == (0, 0)
    assert desk.outbox.sent_at_s is None


async def test_one_of_several_failing_fails_the_delivery_once() -> None:
    delivery = Delivery(2, 0.0)
    delivery.acknowledge()
    delivery.fail(BrokerUnavailable())
    delivery.fail(BrokerUnavailable())
    delivery.acknowledge()
    with pytest.raises(BrokerUnavailable):
        await delivery.done


@pytest.mark.parametrize(("max_batches", "max_bytes"), [(2, 1_000), (1_000, 20)])
async def test_a_large_request_has_the_same_chance_as_a_small_one(max_batches: int, max_bytes: int) -> None:
    books = InFlight(max_batches, max_bytes)
    record = Record(Domain.BEHAVIOR, b"k", b"v" * 9, [], 0)
    books.take([record])
    books.take([record] * 3)
    for refused in ([record], [record] * 3):
        with pytest.raises(PublisherFull):
            books.take(refused)
    assert (books.batches, books.bytes) == (4, 40)
    books.give_back([record] * 3)
    books.take([record] * 3)
    books.give_back([record] * 4)
    assert (books.batches, books.bytes) == (0, 0)


def test_partitions_are_those_of_kafka_s_own_partitioner() -> None:
    from aiokafka.partitioner import DefaultPartitioner

    default = DefaultPartitioner()
    for index in range(200):
        key = partition_key("acme", "session", f"s-{'x' * (index % 9)}{index}")
        assert partition_of(key, 4) == default(key, [0, 1, 2, 3], [0, 1, 2, 3])
