"""One partition's way out: at most one record batch in flight, and what arrives meanwhile forms the next one.

Linger 0 therefore costs no latency when it is quiet. When it is busy, all partitions leave together, some milliseconds
apart: a record batch and a request to the broker cost the same for one record as for fifty.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from services.gateway.ports import BrokerUnavailable, PublisherFull, Record
from shared import metrics

# At 100 requests a second not one is usually under way; at 1,000 there are about ten.
_BUSY_BATCHES: Final = 8
_TOGETHER_EVERY_S: Final = 0.004


class RecordBatch(Protocol):
    """A record batch being filled."""

    def append(
        self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: Sequence[Any] = ...
    ) -> object | None:
        """Add a record; None when it is full."""

    def close(self) -> None:
        """Let nothing more in."""


class Producer(Protocol):
    """The part of Kafka's producer that an outbox needs."""

    def create_batch(self) -> Any:
        """Give an empty record batch."""

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[object]:
        """Queue a record batch; what is returned ends with its acknowledgement."""


class InFlight:
    """Batches handed over and not yet acknowledged: no more are taken while so many are under way.

    Not what fits decides, but what is there: else a request of many batches waits for room that small ones keep taking.
    So there is at most one request more than the bounds.

    Parameters
    ----------
    max_batches
        How many batches are enough.
    max_bytes
        How many bytes of keys and values are.
    """

    def __init__(self, max_batches: int, max_bytes: int) -> None:
        self.max_batches = max_batches
        self.max_bytes = max_bytes
        self.batches = 0
        self.bytes = 0

    def take(self, records: Sequence[Record]) -> None:
        """Book records, all or none.

        Raises
        ------
        PublisherFull
            When enough are under way.
        """
        if self.batches >= self.max_batches or self.bytes >= self.max_bytes:
            raise PublisherFull
        self.batches += len(records)
        for record in records:
            self.bytes += record.size_bytes

    def give_back(self, records: Sequence[Record]) -> None:
        """Take records off the books."""
        for record in records:
            self.bytes -= record.size_bytes
        self.batches -= len(records)


class Delivery:
    """One request's records; ``done`` ends when all are acknowledged or one has failed.

    Parameters
    ----------
    count
        How many records.
    given_at_s
        When they were handed over, by the monotonic clock.
    """

    __slots__ = ("_missing", "done", "given_at_s")

    def __init__(self, count: int, given_at_s: float) -> None:
        self._missing = count
        self.given_at_s = given_at_s
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def acknowledge(self) -> None:
        """Note one acknowledgement."""
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Note a failure; the first one counts."""
        if not self.done.done():
            self.done.set_exception(error)


class Entry(NamedTuple):
    """A record and the request that waits for it."""

    record: Record
    delivery: Delivery


class Pace:
    """When the next record batch leaves: at once while it is quiet, at shared moments while it is busy.

    Parameters
    ----------
    in_flight
        Tells whether it is busy.
    """

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    async def turn(self) -> None:
        """Return when a record batch should leave."""
        if self._in_flight.batches < _BUSY_BATCHES:
            return
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(_TOGETHER_EVERY_S - now_s % _TOGETHER_EVERY_S)


class Outbox:
    """The queue of one partition. Its length is bounded by the books it shares with the others.

    Parameters
    ----------
    producer
        Where record batches go.
    topic, partition
        Whose records these are.
    in_flight
        Books; what is put here was booked before, and is taken off when it ends.
    pace
        Says when to send; shared with the others.
    on_broken
        Told when the producer failed a record batch: with idempotence, those behind it would fail as well.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        partition: int,
        in_flight: InFlight,
        pace: Pace,
        on_broken: Callable[[Exception], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._in_flight = in_flight
        self._pace = pace
        self._on_broken = on_broken
        self._pending: deque[Entry] = deque()
        self._drain: asyncio.Task[None] | None = None
        self.sent_at_s: float | None = None  # when the record batch in flight left, by the monotonic clock

    def put(self, record: Record, delivery: Delivery) -> None:
        """Queue a record."""
        self._pending.append(Entry(record, delivery))
        if self._drain is None:
            self._drain = asyncio.create_task(self._run(), name=f"outbox-{self._topic}-{self._partition}")

    async def drained(self) -> None:
        """Wait until nothing is here."""
        if self._drain is not None:
            await asyncio.wait([self._drain])

    async def abort(self) -> None:
        """Fail everything here and stop."""
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.wait([self._drain])
        self._end()  # a task cancelled before its first step never reaches its own end

    async def _run(self) -> None:
        try:
            while self._pending:
                await self._pace.turn()
                batch, taken = self._next_batch()
                if taken and not await self._send(batch, taken):
                    return
        finally:
            self._end()

    def _end(self) -> None:
        rest = list(self._pending)
        self._pending.clear()
        self._settle(rest, _replaced())
        self._drain = None

    def _next_batch(self) -> tuple[RecordBatch, list[Entry]]:
        batch: RecordBatch = self._producer.create_batch()
        taken: list[Entry] = []
        given_up: list[Record] = []
        while self._pending:
            record, delivery = self._pending[0]
            if delivery.done.done():  # its caller has been told to send again
                given_up.append(record)
            elif (
                batch.append(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers)
                is None
            ):
                break
            else:
                taken.append(self._pending[0])
            self._pending.popleft()
        batch.close()
        self._in_flight.give_back(given_up)
        return batch, taken

    async def _send(self, batch: RecordBatch, taken: list[Entry]) -> bool:
        """Send one record batch; tell whether it was acknowledged."""
        self.sent_at_s = time.monotonic()
        failure: Exception | None = _replaced()
        try:
            acknowledged = await self._producer.send_batch(batch, self._topic, partition=self._partition)
            await acknowledged
            failure = None
        except Exception as error:
            failure = BrokerUnavailable(f"the broker failed a record batch: {type(error).__name__}")
            failure.__cause__ = error
            self._on_broken(error)
        finally:
            if failure is None:
                metrics.GATEWAY_PUBLISH_SECONDS.observe(time.monotonic() - self.sent_at_s)
            self.sent_at_s = None
            self._settle(taken, failure)
        return failure is None

    def _settle(self, entries: list[Entry], failure: Exception | None) -> None:
        self._in_flight.give_back([entry.record for entry in entries])
        for entry in entries:
            if failure is None:
                entry.delivery.acknowledge()
            else:
                entry.delivery.fail(failure)


def _replaced() -> BrokerUnavailable:
    return BrokerUnavailable("the connection to the broker was replaced")
