"""What Kafka and PostgreSQL hold at the end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.scorer.app import PipelineJudge
from services.scorer.pipeline import load_ruleset
from services.scorer.stream.admission import Source
from services.scorer.stream.kafka import KafkaLogReader
from services.scorer.stream.restore import Rebuild
from shared.topics import DEAD_LETTERS, TOPICS, VERDICTS, Domain, events_topic, state_topic
from tests.chaos.replaying import Expected, Replay, SessionFacts, SessionKey, digest

SCORER_GROUP: Final = "scorer"
_ROWS_AT_ONCE: Final = 5_000

Offsets = dict[tuple[str, int], int]


async def ends(bootstrap: str) -> Offsets:
    """Give the end of every partition of every topic that the persister or the scorer reads."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await consumer.start()
        names = [topic.name for topic in TOPICS if not topic.compacted]
        places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics(names)
            for partition in topic["partitions"]
        ]
        return {(at.topic, at.partition): end for at, end in (await consumer.end_offsets(places)).items()}
    finally:
        await consumer.stop()
        await admin.close()


async def committed(bootstrap: str) -> Offsets:
    """Give what the scorers have committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        found = await admin.list_consumer_group_offsets(SCORER_GROUP)
        return {(at.topic, at.partition): said.offset for at, said in found.items()}
    finally:
        await admin.close()


def partitions(held: Offsets, topic: str) -> list[int]:
    """Give the partitions of a topic."""
    return sorted(number for name, number in held if name == topic)


async def replayed(bootstrap: str, held: Offsets, domain: Domain) -> Expected:
    """Fold a domain's whole event log through the pure core."""
    reader, replay = KafkaLogReader(bootstrap), Replay(PipelineJudge(load_ruleset(domain)))
    topic = events_topic(domain)
    for partition in partitions(held, topic):
        async for portion in reader.read(topic, partition, None):
            replay.add(Source(domain, topic, partition), portion)
    return replay.expected


async def state_logs(bootstrap: str, held: Offsets, domain: Domain) -> dict[int, Rebuild]:
    """Read a domain's state log as a restarting scorer would."""
    reader, found = KafkaLogReader(bootstrap), {}
    for partition in partitions(held, events_topic(domain)):
        found[partition] = rebuild = Rebuild()
        async for portion in reader.read(state_topic(domain), partition, None):
            for record in portion:
                rebuild.add(record)
    return found


@dataclass(slots=True)
class OnKafka:
    """Records by id: how often, and for verdicts the document's digest."""

    verdicts: Counter[UUID] = field(default_factory=Counter)
    documents: dict[UUID, bytes] = field(default_factory=dict)
    letters: set[UUID] = field(default_factory=set)


async def on_kafka(bootstrap: str, held: Offsets) -> OnKafka:
    """Read the topics that come out of the scorer."""
    reader, found = KafkaLogReader(bootstrap), OnKafka()
    for topic in (VERDICTS, DEAD_LETTERS):
        for partition in partitions(held, topic):
            async for portion in reader.read(topic, partition, None):
                for record in portion:
                    one = UUID(dict(record.headers)["ce_id"].decode())
                    if topic == DEAD_LETTERS:
                        found.letters.add(one)
                        continue
                    found.verdicts[one] += 1
                    found.documents[one] = digest(record.value or b"")
    return found


@dataclass(slots=True)
class InPostgres:
    """Rows by id: how often, and for verdicts the document's digest and what a caller is told."""

    batches: Counter[UUID] = field(default_factory=Counter)
    verdicts: Counter[UUID] = field(default_factory=Counter)
    documents: dict[UUID, bytes] = field(default_factory=dict)
    told: dict[UUID, tuple[str, float]] = field(default_factory=dict)
    sessions: dict[SessionKey, SessionFacts] = field(default_factory=dict)
    letters: Counter[UUID] = field(default_factory=Counter)
    rejected: set[UUID] = field(default_factory=set)
    unscored: set[UUID] = field(default_factory=set)
    books: list[dict[str, Any]] = field(default_factory=list)


async def in_postgres(connection: "asyncpg.Connection[asyncpg.Record]") -> InPostgres:
    """Read the rows."""
    found = InPostgres()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor("SELECT batch_id FROM batches", prefetch=_ROWS_AT_ONCE):
            found.batches[row["batch_id"]] += 1
        query = "SELECT verdict_id, action, risk_score, document::text AS document FROM verdicts"
        async for row in connection.cursor(query, prefetch=_ROWS_AT_ONCE):
            one = row["verdict_id"]
            found.verdicts[one] += 1
            found.documents[one] = digest(row["document"].encode())
            found.told[one] = row["action"], row["risk_score"]
        for row in await connection.fetch("SELECT * FROM sessions"):
            key = row["tenant_id"], row["domain"], row["subject_type"], row["subject_id"], row["started_at"]
            found.sessions[key] = SessionFacts(*(row[name] for name in SessionFacts._fields))
        for row in await connection.fetch("SELECT dead_letter_id, batch_id, stage FROM dead_letters"):
            found.letters[row["dead_letter_id"]] += 1
            if row["batch_id"] is not None:
                (found.rejected if row["stage"] == "persister" else found.unscored).add(row["batch_id"])
        found.books = [dict(row) for row in await connection.fetch("SELECT * FROM stream_offsets")]
    return found
