"""How far Kafka's partitions reach. Connects when asked, and anew after an error."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.insights.books import Partition
from services.insights.ports import SourceAway

_TIMEOUT_S: Final = 5.0


class KafkaBroker:
    """Reads offsets; joins no group and reads no record.

    Parameters
    ----------
    bootstrap
        Kafka's ``host:port``, several by comma.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._disconnect()

    async def beginnings(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """Give the first offset held of every partition of the topics.

        Raises
        ------
        SourceAway
            When Kafka is away or lacks one of the topics.
        """
        async with self._connected() as (admin, consumer):
            partitions = [
                TopicPartition(topic["topic"], partition["partition"])
                for topic in await admin.describe_topics(sorted(topics))
                for partition in _partitions(topic)
            ]
            return {
                (at.topic, at.partition): offset
                for at, offset in (await consumer.beginning_offsets(partitions)).items()
            }

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Give the offset after the last record of partitions. Raises `SourceAway`."""
        async with self._connected() as (_, consumer):
            wanted = [TopicPartition(topic, number) for topic, number in partitions]
            return _by_partition(await consumer.end_offsets(wanted))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if self._admin is None or self._consumer is None:
                    self._admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, client_id="telltale-insights")
                    self._consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, client_id="telltale-insights")
                    await self._admin.start()
                    await self._consumer.start()
                yield self._admin, self._consumer
        except (OSError, TimeoutError, KafkaError) as error:
            await self._disconnect()
            raise SourceAway("kafka", error) from error
        except BaseException:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        for client in (consumer.stop if consumer else None, admin.close if admin else None):
            if client is not None:
                with contextlib.suppress(OSError, TimeoutError, KafkaError):
                    await asyncio.wait_for(client(), _TIMEOUT_S)


def _by_partition(offsets: Mapping[TopicPartition, int]) -> dict[Partition, int]:
    return {(at.topic, at.partition): offset for at, offset in offsets.items()}


def _partitions(topic: dict[str, object]) -> list[dict[str, int]]:
    partitions = topic["partitions"]
    if topic["error_code"] != 0 or not isinstance(partitions, list) or not partitions:
        raise KafkaError(f"topic {topic['topic']}: error {topic['error_code']}")
    return partitions
