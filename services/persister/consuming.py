"""The Kafka side: which partitions are ours, where each one continues, and what came in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from services.persister.errors import BrokerAway, Retry, StreamReplaced
from services.persister.planning import Reading, Stream, read_stream
from services.persister.reading import READERS, Reader
from shared import metrics
from shared.consumers import stop_consumer

_log = logging.getLogger(__name__)
_GROUP: Final = "persister"
_POLL_MS: Final = 250
_SESSION_TIMEOUT_MS: Final = 6_000  # the least a broker allows: how long a killed instance keeps its partitions
_STOP_TIMEOUT_S: Final = 3.0
_COMMIT_TIMEOUT_S: Final = 2.0
_BOUNDS_TIMEOUT_S: Final = 10.0
_HAND_OVER_TIMEOUT_S: Final = 5.0
# What is fetched and not yet written is a few answers of the broker; `hold` keeps it there.
_FETCH_BYTES: Final = 8 * 1024 * 1024
_FETCH_BYTES_PER_PARTITION: Final = 2 * 1024 * 1024

Claim = Callable[[Mapping[Stream, int]], Awaitable[dict[Stream, int]]]


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Our share of the topics.

    Parameters
    ----------
    kafka_bootstrap
        Broker addresses.
    topic_prefix
        Put before topic and group names.
    """

    def __init__(self, kafka_bootstrap: str, topic_prefix: str) -> None:
        self.readers: dict[str, Reader] = {topic_prefix + topic: reader for topic, reader in READERS.items()}
        self.writing = asyncio.Lock()  # held while records are written: partitions change hands between writes
        self._bootstrap = kafka_bootstrap
        self._group = topic_prefix + _GROUP
        self._kafka: AIOKafkaConsumer | None = None
        self._next: dict[Stream, int] | None = None  # None: partitions may have changed, find out where to go on

    @property
    def positioned(self) -> bool:
        """Whether it is known where each of our partitions continues."""
        return self._next is not None

    @property
    def assigned(self) -> list[Stream]:
        """The partitions that are ours now."""
        return [Stream(*tp) for tp in self._connected.assignment()]

    @property
    def _connected(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise BrokerAway("not connected")
        return self._kafka

    async def start(self) -> None:
        """Join the group.

        Raises
        ------
        BrokerAway
            Kafka does not answer.
        """
        kafka = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="telltale-persister",
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=_SESSION_TIMEOUT_MS // 3,
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_FETCH_BYTES_PER_PARTITION,
            # A drained partition is asked for only in the next fetch: a long poll on the others would delay it.
            fetch_max_wait_ms=50,
        )
        kafka.subscribe(list(self.readers), listener=self)
        try:
            await kafka.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await stop_consumer(kafka, _STOP_TIMEOUT_S)
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        self._kafka = kafka

    async def stop(self) -> None:
        """Leave the group, within a few seconds."""
        kafka, self._kafka = self._kafka, None
        if kafka is None:
            return
        if (error := await stop_consumer(kafka, _STOP_TIMEOUT_S)) is not None:
            _log.warning("left the group without saying so: %r", error)

    async def position(self, claim: Claim) -> list[Reading]:
        """Go to where the books say each of our partitions continues.

        Returns
        -------
        list[Reading]
            The gaps: what the books still expect and the broker no longer has.

        Raises
        ------
        BrokerAway
            Kafka does not answer.
        StreamReplaced
            The books are ahead of a topic.
        """
        self._next = expected = dict[Stream, int]()
        try:
            return await self._seek(claim, expected)
        except Retry:
            self._next = None
            raise

    async def _seek(self, claim: Claim, expected: dict[Stream, int]) -> list[Reading]:
        partitions = list(self._connected.assignment())
        starts, ends = await self._bounds(partitions)
        claimed = await claim({Stream(*tp): starts[tp] for tp in partitions}) if partitions else {}
        gaps = []
        for tp in partitions:
            stream, next_offset = Stream(*tp), claimed[Stream(*tp)]
            if next_offset > ends[tp]:
                raise StreamReplaced(f"{tp}: the books say {next_offset}, the topic ends at {ends[tp]}")
            if next_offset < starts[tp]:
                gaps.append(Reading(stream, next_offset, starts[tp], starts[tp] - next_offset, []))
            if self._next is not expected:
                return []  # partitions changed meanwhile
            self._connected.seek(tp, max(next_offset, starts[tp]))
            expected[stream] = max(next_offset, starts[tp])
        return gaps

    async def poll(self, max_records: int) -> list[Reading]:
        """Wait up to a quarter second for records; give what is there at once."""
        expected = self._next
        self._connected.resume(*self._connected.paused())
        found = await self._connected.getmany(timeout_ms=_POLL_MS, max_records=max_records)
        if expected is None or self._next is not expected:
            self._next = None  # these may be from before the change: find the place again
            return []
        readings = (
            read_stream(self.readers[tp.topic], Stream(*tp), expected[Stream(*tp)], records)
            for tp, records in found.items()
        )
        return [reading for reading in readings if reading is not None]

    def hold(self) -> None:
        """Fetch no more until the next poll: while nothing can be written, memory must not grow with what waits."""
        if self._kafka is not None:
            self._kafka.pause(*self._kafka.assignment())

    def advance(self, readings: Sequence[Reading]) -> None:
        """Note what was written."""
        if self._next is not None:
            self._next.update((reading.stream, reading.next_offset) for reading in readings)

    async def report(self) -> None:
        """Tell Kafka and the metrics how far we are. Only for people to see: the books are what counts."""
        kafka, written = self._connected, self._next or {}
        ours = {tp: written[Stream(*tp)] for tp in kafka.assignment() if Stream(*tp) in written}
        for tp, next_offset in ours.items():
            if (end := kafka.highwater(tp)) is not None:
                metrics.CONSUMER_LAG.labels(self._group, *tp).set(max(end - next_offset, 0))
        try:
            if ours:
                await asyncio.wait_for(kafka.commit(ours), timeout=_COMMIT_TIMEOUT_S)
        except (KafkaError, OSError, TimeoutError) as error:
            _log.info("offsets not committed to Kafka: %r", error)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let the write in hand finish, if it does so soon; the books fence it if not."""
        for tp in revoked:
            with suppress(KeyError):  # its lag is for another instance to tell
                metrics.CONSUMER_LAG.remove(self._group, *tp)
        try:
            async with asyncio.timeout(_HAND_OVER_TIMEOUT_S), self.writing:
                self._next = None
        except TimeoutError:
            self._next = None

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Find the place before reading on."""
        self._next = None

    async def _bounds(
        self, partitions: Sequence[TopicPartition]
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        if not partitions:
            return {}, {}
        try:
            async with asyncio.timeout(_BOUNDS_TIMEOUT_S):
                starts = await self._connected.beginning_offsets(partitions)
                return starts, await self._connected.end_offsets(partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
