"""Act on verdicts: a consumer of `verdicts.v1` to copy into a service.

    pip install aiokafka msgspec
    python consume_verdicts.py

Delivery is at least once; the effect is once. An action and its verdict's id are one row, and the id is the row's
primary key. Rows are committed first, offsets after them, so a process that is killed at any moment acts on nothing
twice and passes over nothing.

Standard output has one line of JSON for each verdict acted on, standard error one for whatever else happens.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, Literal, TextIO
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

KAFKA: Final = os.environ.get("TELLTALE_KAFKA_BOOTSTRAP", "127.0.0.1:19092")
PREFIX: Final = os.environ.get("TELLTALE_TOPIC_PREFIX", "")
GROUP: Final = os.environ.get("TELLTALE_CONSUMER_GROUP", "verdict-actions")
ACTIONS: Final = os.environ.get("TELLTALE_ACTIONS_DB", "actions.db")

MAX_POLL_RECORDS: Final = 100
POLL_MS: Final = 500  # also the longest that a signal waits
SESSION_TIMEOUT_MS: Final = 6_000  # a killed consumer's partitions go to another after this
PATIENCE_S: Final = 5.0  # for a broker that does not answer a commit or a goodbye

CREATE: Final = """
    CREATE TABLE IF NOT EXISTS actions (
        verdict_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, subject TEXT NOT NULL,
        action TEXT NOT NULL, risk_score REAL NOT NULL, top_reason TEXT
    )"""
INSERT: Final = "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (verdict_id) DO NOTHING"


# The part of a verdict that this service reads. Fields that are not named here are passed over.
class Subject(msgspec.Struct, frozen=True):
    """Who or what was judged."""

    type: str
    id: str


class Reason(msgspec.Struct, frozen=True):
    """One cause of a verdict; ``contribution`` is its part of the risk score, 0..1."""

    code: str
    contribution: float


class Verdict(msgspec.Struct, frozen=True):
    """What Telltale recommends; ``risk_score`` is 0..1, higher is riskier."""

    verdict_id: UUID
    tenant_id: str
    subject: Subject
    action: Literal["ALLOW", "CHALLENGE", "REVIEW", "BLOCK"]
    risk_score: float
    reasons: list[Reason]


class Unreadable(ValueError):
    """A record is no verdict that this program knows: say so and go on."""


_decode = msgspec.json.Decoder(Verdict).decode


def read(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Verdict:
    """Read a record.

    Raises
    ------
    Unreadable
        It is no verdict of version 1.
    """
    attributes = dict(headers)
    if attributes.get("ce_specversion") != b"1.0":
        raise Unreadable("ce_specversion is not 1.0")
    if attributes.get("ce_type") != b"telltale.verdict.v1":
        raise Unreadable("ce_type is not telltale.verdict.v1")
    try:
        verdict = _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # no JSON, no UTF-8, nested too deep
        raise Unreadable("the value is not a verdict of version 1") from None
    if attributes.get("ce_tenantid") != verdict.tenant_id.encode():
        raise Unreadable("ce_tenantid is not the verdict's tenant")
    return verdict


def row_of(verdict: Verdict) -> dict[str, Any]:
    """Give what is kept of a verdict, and printed."""
    top = max(verdict.reasons, key=lambda reason: reason.contribution, default=None)
    return {
        "verdict_id": str(verdict.verdict_id),
        "tenant_id": verdict.tenant_id,
        "subject": f"{verdict.subject.type}/{verdict.subject.id}",
        "action": verdict.action,
        "risk_score": verdict.risk_score,
        "top_reason": top.code if top else None,
    }


def act(actions: sqlite3.Connection, records: list[ConsumerRecord], counts: Counter[str]) -> None:
    """Act on each verdict that has not been acted on, in one transaction, then tell."""
    done = []
    with actions:
        for record in records:
            try:
                verdict = read(record.headers, record.value)
            except Unreadable as reason:
                counts["unreadable"] += 1
                place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
                tell(sys.stderr, event="unreadable", **place, reason=str(reason))
                continue
            row = row_of(verdict)
            # Your effect goes here, into the same transaction. One that cannot (a call to another system) takes
            # verdict_id as its idempotency key.
            if actions.execute(INSERT, tuple(row.values())).rowcount:
                done.append(row)
    counts.update(acted=len(done))
    for row in done:
        tell(sys.stdout, **row)


def tell(stream: TextIO, **fields: Any) -> None:
    """Write one line of JSON at once."""
    stream.write(msgspec.json.encode(fields).decode() + "\n")
    stream.flush()


async def main() -> None:
    """Consume until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    counts: Counter[str] = Counter(acted=0, unreadable=0)
    actions = sqlite3.connect(ACTIONS, check_same_thread=False)  # one thread at a time uses it
    actions.execute(CREATE)
    consumer = AIOKafkaConsumer(
        f"{PREFIX}verdicts.v1",
        bootstrap_servers=KAFKA,
        group_id=f"{PREFIX}{GROUP}",
        enable_auto_commit=False,  # offsets are committed when the effect is there
        auto_offset_reset="earliest",  # a new group misses nothing that Kafka still has
        max_poll_records=MAX_POLL_RECORDS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
    )
    try:
        await start(consumer, stopping)
        while not stopping.is_set():
            polled = await consumer.getmany(timeout_ms=POLL_MS)
            if records := [record for portion in polled.values() for record in portion]:
                await asyncio.to_thread(act, actions, records, counts)  # heartbeats go on meanwhile
                await commit(consumer)
    finally:
        # A task of its own: with its broker away, aiokafka lets its own cancellation escape from stop.
        await asyncio.wait([asyncio.create_task(consumer.stop())], timeout=PATIENCE_S)
        actions.close()
    tell(sys.stderr, event="stopped", **counts)


async def start(consumer: AIOKafkaConsumer, stopping: asyncio.Event) -> None:
    """Connect, unless told to stop first. Once connected, aiokafka connects again by itself."""
    starting, ending = asyncio.create_task(connect(consumer)), asyncio.create_task(stopping.wait())
    await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in (starting, ending):
        task.cancel()
    await asyncio.wait([starting, ending])
    if not starting.cancelled():
        starting.result()


async def connect(consumer: AIOKafkaConsumer) -> None:
    """Try until the broker answers and has the topic."""
    while True:
        try:
            await consumer.start()
            return
        except KafkaError as error:
            tell(sys.stderr, event="waiting", reason=f"{KAFKA}: {type(error).__name__}")
            await asyncio.sleep(1.0)


async def commit(consumer: AIOKafkaConsumer) -> None:
    """Say how far the effects are. When it fails, records come again and are known by their ids."""
    try:
        await asyncio.wait_for(consumer.commit(), PATIENCE_S)
    except (KafkaError, TimeoutError) as error:
        tell(sys.stderr, event="not committed", reason=type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main())
