"""Kafka records as the gateway, the scorer and others write them, for the persister's tests."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from shared.cloudevents import BatchHeaders, Headers, batch_headers, dead_letter_headers, verdict_headers
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason, dead_letter_id
from shared.contracts.verdict import Reason, SessionFacts, Verdict, VerdictSubject, Versions, verdict_id
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic, partition_key

NOW = datetime.now(UTC).replace(microsecond=125_000)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BEHAVIOR = events_topic(Domain.BEHAVIOR)


@dataclass(frozen=True)
class Record:
    """What aiokafka's ConsumerRecord has, as far as it matters."""

    topic: str = BEHAVIOR
    partition: int = 0
    offset: int = 0
    timestamp: int = int(NOW.timestamp() * 1000)
    key: bytes | None = None
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes]] = field(default_factory=list)


def batch_record(
    offset: int = 0,
    *,
    batch_id: uuid.UUID | None = None,
    tenant_id: str = "acme",
    subject: str = "session/s-1",
    received_at: datetime = NOW,
    event_count: int = 2,
    clock_skew_ms: int = 0,
    value: bytes = b'{"events":[{"type":"scroll"},{"type":"scroll"}]}',
    partition: int = 0,
    topic: str = BEHAVIOR,
    domain: Domain = Domain.BEHAVIOR,
) -> Record:
    """One batch as the gateway writes it."""
    stamp = BatchHeaders(
        batch_id or uuid.uuid4(), tenant_id, domain, subject, received_at, event_count, clock_skew_ms, TRACEPARENT
    )
    return Record(topic, partition, offset, key=f"{tenant_id}:{subject}".encode(), value=value,
                  headers=batch_headers(stamp))  # fmt: skip


def verdict_of(
    batch_id: uuid.UUID | None = None,
    *,
    tenant_id: str = "acme",
    subject_id: str = "s-1",
    received_at: datetime = NOW,
    batch_count: int = 1,
    event_count: int = 2,
    action: str = "CHALLENGE",
    codes: Sequence[str] = ("STRAIGHT_PATHS",),
) -> Verdict:
    """Make one verdict."""
    batch = batch_id or uuid.uuid4()
    return Verdict(
        verdict_id=verdict_id(tenant_id, batch), batch_id=batch, tenant_id=tenant_id, domain=Domain.BEHAVIOR,
        subject=VerdictSubject("session", subject_id), action=action, label="suspicious",  # type: ignore[arg-type]
        risk_score=0.5, trust_score=50, confidence=0.75,
        reasons=[Reason(code, 0.5, "a sentence", {"share": 0.9}) for code in codes], unknown_rules=[],
        versions=Versions("1", "1", "1"), event_count=event_count,
        session=SessionFacts(NOW - timedelta(minutes=1), received_at, batch_count, batch_count * event_count),
        occurred_at=received_at, received_at=received_at,
    )  # fmt: skip


def verdict_headers_of(verdict: Verdict) -> Headers:
    """Write its headers; it was scored 3 ms after it was received."""
    scored_at = verdict.received_at + timedelta(milliseconds=3)
    return verdict_headers(verdict, scored_at=scored_at, traceparent=TRACEPARENT, source=(BEHAVIOR, 0))


def key_of(verdict: Verdict) -> bytes:
    """Give its key."""
    return partition_key(verdict.tenant_id, verdict.subject.type, verdict.subject.id)


def verdict_record(offset: int = 0, verdict: Verdict | None = None, *, partition: int = 0) -> Record:
    """One verdict as the scorer writes it."""
    verdict = verdict or verdict_of()
    return Record(VERDICTS, partition, offset, key=key_of(verdict), value=msgspec.json.encode(verdict),
                  headers=verdict_headers_of(verdict))  # fmt: skip


def letter_of(source_offset: int | None = None, *, tenant_id: str | None = "acme") -> DeadLetter:
    """Make one dead letter of the scorer."""
    source_offset = source_offset if source_offset is not None else uuid.uuid4().int % 2**40
    return DeadLetter(
        dead_letter_id=dead_letter_id("scorer", BEHAVIOR, 0, source_offset), stage="scorer",
        reason=DeadLetterReason.UNDECODABLE, detail="no JSON", source_topic=BEHAVIOR, source_partition=0,
        source_offset=source_offset, source_timestamp=NOW, tenant_id=tenant_id, payload=b"\x00\xff{",
    )  # fmt: skip


def letter_record(offset: int = 0, letter: DeadLetter | None = None) -> Record:
    """One dead letter as the scorer writes it."""
    letter = letter or letter_of()
    return Record(DEAD_LETTERS, 0, offset, key=str(letter.dead_letter_id).encode(), value=msgspec.json.encode(letter),
                  headers=dead_letter_headers(letter, rejected_at=NOW))  # fmt: skip
