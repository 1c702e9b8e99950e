"""The publisher over Kafka. A producer that broke or hangs is replaced, so an outage heals by itself."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from services.gateway.outbox import Delivery, InFlight, Outbox, Pace
from services.gateway.partitioner import partition_of
from services.gateway.ports import BrokerUnavailable, Record
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.topics import Domain, events_topic

_log = logging.getLogger(__name__)
_HEADROOM_BYTES: Final = 65_536  # key, headers and framing around the largest value
_WATCH_EVERY_S: Final = 0.25
_DRAIN_TIMEOUT_S: Final = 2.0  # the server has waited for its requests; what is left has no caller
_CLOSE_TIMEOUT_S: Final = 5.0
_BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class KafkaLimits:
    """How much and how long."""

    bootstrap: str
    topic_prefix: str
    max_record_bytes: int
    max_in_flight_batches: int
    max_in_flight_bytes: int
    publish_timeout_s: float

    @staticmethod
    def of(settings: GatewaySettings) -> "KafkaLimits":
        """Take them from settings."""
        return KafkaLimits(
            bootstrap=settings.kafka_bootstrap,
            topic_prefix=settings.topic_prefix,
            max_record_bytes=settings.max_body_bytes,
            max_in_flight_batches=settings.max_in_flight_batches,
            max_in_flight_bytes=settings.max_in_flight_bytes,
            publish_timeout_s=settings.publish_timeout_s,
        )


class _Session:
    """One producer's lifetime: its outboxes, and whether it broke."""

    def __init__(
        self, producer: Any, topics: Mapping[Domain, str], counts: Mapping[Domain, int], in_flight: InFlight
    ) -> None:
        self.producer = producer
        self.broken = asyncio.Event()
        self._deliveries: list[Delivery] = []
        pace = Pace(in_flight)
        self._outboxes = {
            domain: [
                Outbox(producer, topic, index, in_flight, pace, self._on_broken) for index in range(counts[domain])
            ]
            for domain, topic in topics.items()
        }

    def put(self, records: Sequence[Record], delivery: Delivery) -> None:
        self._deliveries.append(delivery)
        for record in records:
            outboxes = self._outboxes[record.domain]
            outboxes[partition_of(record.key, len(outboxes))].put(record, delivery)

    def _on_broken(self, error: Exception) -> None:
        if not self.broken.is_set():
            _log.error("the producer failed a record batch and is replaced: %r", error)
            self.broken.set()

    def hangs(self, now_s: float, timeout_s: float) -> bool:
        return any(
            outbox.sent_at_s is not None and now_s - outbox.sent_at_s > timeout_s for outbox in self._every_outbox()
        )

    def expire(self, now_s: float, timeout_s: float) -> None:
        """Give up deliveries that took too long: one look at all of them costs less than a timer for each."""
        self._deliveries = [delivery for delivery in self._deliveries if not delivery.done.done()]
        for delivery in self._deliveries:
            if now_s - delivery.given_at_s > timeout_s:
                delivery.fail(BrokerUnavailable("the broker did not acknowledge in time"))

    async def drain(self) -> None:
        for outbox in self._every_outbox():
            await outbox.drained()

    async def abort(self) -> None:
        for outbox in self._every_outbox():
            await outbox.abort()

    def _every_outbox(self) -> list[Outbox]:
        return [outbox for outboxes in self._outboxes.values() for outbox in outboxes]


class KafkaPublisher:
    """Publishes batches with ``acks=all`` and idempotence.

    Parameters
    ----------
    limits
        How much and how long.
    """

    def __init__(self, limits: KafkaLimits) -> None:
        self._limits = limits
        self._topics = {domain: limits.topic_prefix + events_topic(domain) for domain in Domain}
        self._in_flight = InFlight(limits.max_in_flight_batches, limits.max_in_flight_bytes)
        self._session: _Session | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether a producer is connected and acknowledges in time."""
        return self._session is not None

    @property
    def in_flight(self) -> InFlight:
        """What is handed over and not yet acknowledged."""
        return self._in_flight

    async def publish(self, records: Sequence[Record]) -> None:
        """Hand over all records and return once the broker has acknowledged every one.

        Raises
        ------
        PublisherFull
            Too much is in flight; nothing was handed over.
        BrokerUnavailable
            Not every record was acknowledged in time; some may be, or may yet be.
        """
        session = self._session
        if session is None:
            raise BrokerUnavailable("there is no connection to the broker")
        self._in_flight.take(records)
        delivery = Delivery(len(records), time.monotonic())
        session.put(records, delivery)
        await delivery.done

    async def start(self) -> None:
        """Begin connecting; returns at once, whether or not the broker is there."""
        metrics.GATEWAY_IN_FLIGHT.set_function(lambda: self._in_flight.batches)
        self._keeper = asyncio.create_task(self._keep_session(), name="kafka-session")

    async def stop(self) -> None:
        """Wait for what is in flight, within a limit, and close."""
        if self._session is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_TIMEOUT_S):
                    await self._session.drain()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_TIMEOUT_S)

    async def _keep_session(self) -> None:
        attempt = 0
        while True:
            try:
                session = await self._open()
            except Exception as error:  # whatever it is, only trying again can end the outage
                _log.warning("no connection to the broker yet: %r", error)
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1
                continue
            attempt = 0
            self._session = session
            try:
                await self._watch(session)
            finally:
                self._session = None
                await session.abort()
                self._close_aside(session.producer)

    async def _watch(self, session: _Session) -> None:
        """Return when the session is of no more use."""
        while not session.broken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.broken.wait(), _WATCH_EVERY_S)
            session.expire(time.monotonic(), self._limits.publish_timeout_s)
            if session.hangs(time.monotonic(), self._limits.publish_timeout_s):
                _log.error("the broker does not acknowledge; connecting anew")
                return

    async def _open(self) -> _Session:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._limits.bootstrap,
            client_id="telltale-gateway",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=self._limits.max_record_bytes + _HEADROOM_BYTES,
            request_timeout_ms=int(self._limits.publish_timeout_s * 500),  # a dead connection leaves time for another
            retry_backoff_ms=100,
        )
        try:
            async with asyncio.timeout(self._limits.publish_timeout_s):
                await producer.start()
                counts = {domain: len(await producer.partitions_for(topic)) for domain, topic in self._topics.items()}
        except BaseException:
            self._close_aside(producer)
            raise
        _log.info("connected to the broker, partitions: %s", {str(domain): n for domain, n in counts.items()})
        return _Session(producer, self._topics, counts, self._in_flight)

    def _close_aside(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(_discard(producer), name="kafka-close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _discard(producer: AIOKafkaProducer) -> None:
    """Close a producer without flushing: with idempotence ``stop()`` would wait for an absent broker for ever.

    Nothing is lost by it: what was not acknowledged has been answered with 503.
    """
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await producer._sender.close()
            await producer.client.close()
    except Exception as error:
        _log.warning("closing a producer failed: %r", error)
    producer._closed = True  # or its finaliser warns of what we have just done
