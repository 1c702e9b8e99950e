"""What Kafka holds: how far its partitions reach, how far the scorer is, and every record of a topic of events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.operate.errors import SourceAway, kafka_answers
from deploy.operate.reconcile.accounts import NO_TENANT, Place, Sent
from services.insights.books import Bounds, Partition
from shared.cloudevents import REDRIVE_OF, HeaderError, read_batch_headers

_TIMEOUT_S: Final = 10.0
_WINDOW: Final = 10_000
_SILENCE_S: Final = 30.0


class KafkaSide:
    """Reads offsets and records; joins no group.

    Parameters
    ----------
    bootstrap
        Kafka's ``host:port``, several by comma.
    """

    def __init__(self, bootstrap: str, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._bootstrap = bootstrap
        self._admin = admin
        self._consumer = consumer

    async def bounds(self, topics: Iterable[str]) -> dict[Partition, Bounds]:
        """Give how far every partition of the topics reaches.

        Raises
        ------
        SourceAway
            Kafka is away or lacks one of the topics.
        """
        with kafka_answers(self._bootstrap):
            async with asyncio.timeout(_TIMEOUT_S):
                described = await self._admin.describe_topics(sorted(topics))
                if absent := [topic["topic"] for topic in described if topic["error_code"] != 0]:
                    raise SourceAway(
                        f"Kafka at {self._bootstrap} has no topic {absent[0]}; see TELLTALE_TOPIC_PREFIX,"
                        " and whether the system is provisioned"
                    )
                places = [
                    TopicPartition(topic["topic"], partition["partition"])
                    for topic in described
                    for partition in topic["partitions"]
                ]
                firsts = await self._consumer.beginning_offsets(places)
                ends = await self._consumer.end_offsets(places)
        return {(at.topic, at.partition): Bounds(firsts[at], ends[at]) for at in places}

    async def committed(self, group: str) -> dict[Partition, int]:
        """Give where a group continues."""
        with kafka_answers(self._bootstrap):
            async with asyncio.timeout(_TIMEOUT_S):
                offsets = await self._admin.list_consumer_group_offsets(group)
        return {(at.topic, at.partition): told.offset for at, told in offsets.items() if told.offset >= 0}

    async def records(self, partition: Partition, bounds: Bounds, domain: str) -> AsyncIterator[list[Sent]]:
        """Read a partition from its beginning to the end it had, in windows.

        Raises
        ------
        SourceAway
            Kafka falls silent.
        """
        at = TopicPartition(*partition)
        with kafka_answers(self._bootstrap):
            self._consumer.assign([at])
            self._consumer.seek(at, bounds.beginning)
            while (position := await asyncio.wait_for(self._consumer.position(at), _TIMEOUT_S)) < bounds.end:
                window: list[Sent] = []
                async with asyncio.timeout(_SILENCE_S):
                    while not window and await self._consumer.position(at) == position:
                        found = await self._consumer.getmany(timeout_ms=1_000, max_records=_WINDOW)
                        window = [_sent(record, domain) for record in found.get(at, []) if record.offset < bounds.end]
                if window:
                    yield window


@asynccontextmanager
async def open_kafka(bootstrap: str) -> AsyncIterator[KafkaSide]:
    """Connect to Kafka.

    Raises
    ------
    SourceAway
        It does not answer.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="telltale-operate")
    # A beginning that retention passes while we read moves on instead of failing.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="telltale-operate",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        with kafka_answers(bootstrap):
            async with asyncio.timeout(_TIMEOUT_S):
                await admin.start()
                await consumer.start()
        yield KafkaSide(bootstrap, admin, consumer)
    finally:
        for close in (consumer.stop, admin.close):
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(close(), _TIMEOUT_S)


def _sent(record: Any, domain: str) -> Sent:
    place = Place(record.topic, record.partition, record.offset)
    redriven = any(name == REDRIVE_OF for name, _ in record.headers)
    try:
        stamp = read_batch_headers(record.headers)
    except HeaderError:
        return Sent(place, domain, NO_TENANT, None, 0, None, redriven)
    # Its row takes the domain from the headers.
    return Sent(place, stamp.domain, stamp.tenant_id, stamp.batch_id, stamp.event_count, stamp.received_at, redriven)
