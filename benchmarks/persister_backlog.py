"""A backlog on topics of its own: what the persister finds after it was away."""

import uuid
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaProducer

from benchmarks.persister_records import Made, batches_and_verdicts
from deploy.provision.topics import ensure_topics
from shared.topics import DEFAULT_PARTITIONS, VERDICTS, Domain, events_topic
from shared.topics import TOPICS as ALL_TOPICS

TOPICS: Final = (events_topic(Domain.BEHAVIOR), VERDICTS)
_RECORD_BATCH_BYTES: Final = 1_000_000


async def publish_backlog(
    kafka_bootstrap: str, count: int, *, sessions: int, now: datetime, partitions: int = DEFAULT_PARTITIONS
) -> str:
    """Write batches and their verdicts under a new prefix, and give the prefix."""
    prefix = f"b{uuid.uuid4().hex[:10]}."
    consumed = [topic for topic in ALL_TOPICS if not topic.compacted]
    await ensure_topics(kafka_bootstrap, consumed, partitions=partitions, prefix=prefix)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all", max_batch_size=_RECORD_BATCH_BYTES)
    await producer.start()
    try:
        waiting: dict[tuple[str, int], list[Made]] = {}
        for session, batch, verdict in batches_and_verdicts(count, sessions=sessions, received_at=now):
            for topic, made in zip(TOPICS, (batch, verdict), strict=True):
                waiting.setdefault((prefix + topic, session % partitions), []).append(made)
        for (topic, partition), records in waiting.items():
            await _publish(producer, topic, partition, records)
    finally:
        await producer.stop()
    return prefix


async def _publish(producer: AIOKafkaProducer, topic: str, partition: int, records: list[Made]) -> None:
    builder = producer.create_batch()
    for made in records:
        if builder.append(key=made.key, value=made.value, timestamp=None, headers=made.headers) is None:
            await (await producer.send_batch(builder, topic, partition=partition))
            builder = producer.create_batch()
            builder.append(key=made.key, value=made.value, timestamp=None, headers=made.headers)
    await (await producer.send_batch(builder, topic, partition=partition))
