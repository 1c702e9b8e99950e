"""The real Kafka behind the stream's ports."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from services.scorer.stream.ports import BatchTooLarge, OutRecord, PublishFailed
from shared.consumers import stop_consumer
from shared.dead_letters import ConsumedRecord

_POLL_MS: Final = 1_000
_PORTION: Final = 5_000
_FETCH_BYTES: Final = 8_388_608
_STOP_TIMEOUT_S: Final = 5.0

_log = logging.getLogger(__name__)


class KafkaPublisher:
    """Publishes through the producer that Faust runs.

    Parameters
    ----------
    producer
        Gives the producer; called for every batch, because Faust makes it when it starts.
    timeout_s
        Longest wait for an acknowledgement. An idempotent producer itself would try for ever.
    check_session
        Called before every write; ends a process that may have lost its partitions without noticing.
    """

    def __init__(
        self, producer: Callable[[], AIOKafkaProducer], timeout_s: float, check_session: Callable[[], None]
    ) -> None:
        self._producer = producer
        self._timeout_s = timeout_s
        self._check_session = check_session

    async def publish(self, topic: str, partition: int, records: Sequence[OutRecord]) -> int | None:
        """See `Publisher`."""
        producer = self._producer()
        batch = producer.create_batch()
        for key, value, headers in records:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                raise BatchTooLarge(f"{len(records)} records for {topic} do not fit into a record batch")
        batch.close()
        self._check_session()
        try:
            async with asyncio.timeout(self._timeout_s):
                sent = await (await producer.send_batch(batch, topic, partition=partition))
        except (KafkaError, TimeoutError) as error:
            raise PublishFailed(f"{topic}/{partition}: {type(error).__name__}") from error
        # The broker gives -1 for a repeated batch whose place it no longer knows.
        return sent.offset if sent.offset >= 0 else None

    async def publish_by_key(self, topic: str, records: Sequence[OutRecord]) -> None:
        """See `Publisher`."""
        producer = self._producer()
        try:
            async with asyncio.timeout(self._timeout_s):
                sent = [await producer.send(topic, value, key=key, headers=headers) for key, value, headers in records]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            raise PublishFailed(f"{topic}: {type(error).__name__}") from error


class KafkaLogReader:
    """Reads partitions with a consumer that belongs to no group.

    Parameters
    ----------
    bootstrap
        Brokers, ``host:port`` joined by commas.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """See `LogReader`."""
        place = TopicPartition(topic, partition)
        async with self._consumer(place) as consumer:
            first, end = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
            return first[place], end[place]

    async def read(self, topic: str, partition: int, start: int | None) -> AsyncIterator[Sequence[ConsumedRecord]]:
        """See `LogReader`."""
        place = TopicPartition(topic, partition)
        async with self._consumer(place) as consumer:
            end = (await consumer.end_offsets([place]))[place]
            if start is None:
                await consumer.seek_to_beginning(place)
            else:
                consumer.seek(place, start)
            # The position also moves over what compaction took away, so it does reach the end.
            while await consumer.position(place) < end:
                portion = (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_PORTION)).get(place, [])
                if portion:
                    yield portion

    @asynccontextmanager
    async def _consumer(self, place: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="telltale-scorer-restore",
            enable_auto_commit=False,
            # A start that retention has passed means the beginning.
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        try:
            await consumer.start()
            consumer.assign([place])
            yield consumer
        finally:
            if (error := await stop_consumer(consumer, _STOP_TIMEOUT_S)) is not None:
                _log.info("a reader did not leave the broker properly: %r", error)
