"""Kafka records to rows, one by one. Pure: no I/O, no clock. A batch's payload is checked to be JSON and not read."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import msgspec

from shared.cloudevents import HeaderError, parse_rfc3339, read_batch_headers
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.contracts.verdict import Verdict
from shared.dead_letters import ConsumedRecord, write_letter
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic, partition_key

_INT32_MAX: Final = 2**31 - 1
_INT64_MAX: Final = 2**63 - 1
_Document = TypeVar("_Document")

Identity = tuple[str, UUID]
_decode_verdict: Final = msgspec.json.Decoder(Verdict).decode
_decode_letter: Final = msgspec.json.Decoder(DeadLetter).decode
_skip_json: Final = msgspec.json.Decoder(msgspec.Raw).decode


class SourceRecord(ConsumedRecord, Protocol):
    """A consumed record that knows its place."""

    @property
    def topic(self) -> str:
        """Full topic name."""

    @property
    def partition(self) -> int:
        """Partition number."""


class Table(StrEnum):
    """Where a row goes."""

    BATCHES = "batches"
    VERDICTS = "verdicts"
    DEAD_LETTERS = "dead_letters"


COLUMNS: Final[dict[Table, tuple[str, ...]]] = {
    Table.BATCHES: (
        "received_at", "source_offset", "clock_skew_ms", "source_partition", "event_count", "batch_id", "tenant_id",
        "domain", "subject_type", "subject_id", "traceparent", "payload",
    ),
    Table.VERDICTS: (
        "received_at", "scored_at", "occurred_at", "session_started_at", "source_offset", "risk_score", "confidence",
        "source_partition", "event_count", "trust_score", "verdict_id", "batch_id", "tenant_id", "domain",
        "subject_type", "subject_id", "action", "label", "traceparent", "reason_codes", "document",
    ),
    Table.DEAD_LETTERS: (
        "source_timestamp", "source_offset", "source_partition", "dead_letter_id", "batch_id", "stage", "reason",
        "detail", "source_topic", "tenant_id", "traceparent", "record_key", "headers", "payload",
    ),
}  # fmt: skip
DOMAIN: Final = COLUMNS[Table.BATCHES].index("domain")
EVENT_COUNT: Final = COLUMNS[Table.BATCHES].index("event_count")


class SessionRow(msgspec.Struct, frozen=True, gc=False):
    """A session as of one verdict, in the order of the table's columns."""

    tenant_id: str
    domain: str
    subject_type: str
    subject_id: str
    started_at: datetime
    last_seen_at: datetime
    batch_count: int
    event_count: int
    last_verdict_id: UUID
    last_action: str
    last_label: str
    last_risk_score: float
    last_trust_score: int
    source_partition: int
    source_offset: int

    @property
    def key(self) -> tuple[str, str, str, str, datetime]:
        """What makes it one session."""
        return self.tenant_id, self.domain, self.subject_type, self.subject_id, self.started_at

    def follows(self, other: "SessionRow | None") -> bool:
        """Tell whether it is newer than another row of its session: a verdict sent on again comes late, but is old."""
        return other is None or (self.batch_count, self.source_offset) > (other.batch_count, other.source_offset)


class Row(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A row to write.

    ``identity`` is what may be there only once: the tenant and the batch, or the letter. ``values`` follow `COLUMNS`;
    the first decides the day's partition. ``rejected`` marks the one row that is not what its record should be: a dead
    letter we could not read, kept as its bytes.
    """

    table: Table
    identity: Identity
    values: tuple[Any, ...]
    record: SourceRecord
    session: SessionRow | None = None
    rejected: bool = False


class Rejection(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A record that gives no row, and the letter that says why. Letters about letters are not published."""

    letter: DeadLetter
    published: bool = True


class Rejected(Exception):
    """A record gives no row: drop it (dead letter)."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


Reader = Callable[[SourceRecord], Row]


def read_record(reader: Reader, record: SourceRecord) -> Row | Rejection:
    """Read one record; never raises on what it holds."""
    try:
        return reader(record)
    except Rejected as rejected:
        return Rejection(letter_for(record, rejected.reason, str(rejected)))
    except HeaderError as error:
        return Rejection(letter_for(record, DeadLetterReason.MISSING_HEADER, str(error)))
    except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        # What nobody foresaw must not stop the stream: the letter keeps the bytes.
        return Rejection(letter_for(record, DeadLetterReason.UNDECODABLE, f"reading raised {type(error).__name__}"))


def read_batch(record: SourceRecord) -> Row:
    """Make the row of a batch out of its headers; the value passes through as it is.

    Raises
    ------
    HeaderError
        Its headers are not a gateway's.
    Rejected
        Its value is no JSON, or its key is not its tenant's and subject's.
    """
    stamp = read_batch_headers(record.headers)
    _decoded(record, _check_json)
    if record.key != f"{stamp.tenant_id}:{stamp.subject}".encode():
        raise Rejected(DeadLetterReason.WRONG_KEY, "the key is not the one of tenant and subject in the headers")
    if not 0 < stamp.event_count <= _INT32_MAX:
        raise Rejected(DeadLetterReason.CONTRACT_VIOLATION, "the event count is out of range")
    subject_type, _, subject_id = stamp.subject.partition("/")
    return Row(
        Table.BATCHES,
        (stamp.tenant_id, stamp.batch_id),
        (
            stamp.received_at, record.offset, stamp.clock_skew_ms, record.partition, stamp.event_count, stamp.batch_id,
            stamp.tenant_id, stamp.domain, subject_type, subject_id, stamp.traceparent, record.value,
        ),
        record,
    )  # fmt: skip


def read_verdict(record: SourceRecord) -> Row:
    """Make the rows of a verdict and of its session.

    Raises
    ------
    Rejected
        Headers, document or key are not a scorer's.
    """
    scored_at, traceparent = _verdict_stamp(record)
    verdict = _decoded(record, _decode_verdict)
    subject, session = verdict.subject, verdict.session
    if record.key != partition_key(verdict.tenant_id, subject.type, subject.id):
        raise Rejected(DeadLetterReason.WRONG_KEY, "the key is not the one of tenant and subject in the verdict")
    if not 0 <= verdict.event_count <= session.event_count <= _INT32_MAX or not 0 <= session.batch_count <= _INT32_MAX:
        raise Rejected(DeadLetterReason.CONTRACT_VIOLATION, "counts are out of range")
    return Row(
        Table.VERDICTS,
        (verdict.tenant_id, verdict.batch_id),
        (
            verdict.received_at, scored_at, verdict.occurred_at, session.started_at, record.offset, verdict.risk_score,
            verdict.confidence, record.partition, verdict.event_count, verdict.trust_score, verdict.verdict_id,
            verdict.batch_id, verdict.tenant_id, verdict.domain, subject.type, subject.id, verdict.action,
            verdict.label, traceparent, [reason.code for reason in verdict.reasons], record.value,
        ),
        record,
        SessionRow(
            verdict.tenant_id, verdict.domain, subject.type, subject.id, session.started_at, session.last_seen_at,
            session.batch_count, session.event_count, verdict.verdict_id, verdict.action, verdict.label,
            verdict.risk_score, verdict.trust_score, record.partition, record.offset,
        ),
    )  # fmt: skip


def read_letter(record: SourceRecord) -> Row:
    """Make the row of a dead letter. One we cannot read becomes a letter of ours, kept and never published again."""
    try:
        letter = _decoded(record, _decode_letter)
        if not (
            0 <= letter.source_partition <= _INT32_MAX
            and 0 <= letter.source_offset <= _INT64_MAX
            and 1 < letter.source_timestamp.year < 9999  # PostgreSQL's driver takes the calendar's ends for infinity
        ):
            raise Rejected(DeadLetterReason.CONTRACT_VIOLATION, "its source is out of range")
    except Rejected as rejected:
        own = letter_for(record, DeadLetterReason.UNDECODABLE, f"a dead letter that cannot be read: {rejected}")
        return letter_row(own, record, rejected=True)
    return letter_row(letter, record)


READERS: Final[dict[str, Reader]] = {
    **{events_topic(domain): read_batch for domain in Domain},
    VERDICTS: read_verdict,
    DEAD_LETTERS: read_letter,
}


def letter_row(letter: DeadLetter, record: SourceRecord, *, rejected: bool = False) -> Row:
    """Make the row of a letter; text that PostgreSQL cannot hold is made harmless, bytes stay as they are."""
    return Row(
        Table.DEAD_LETTERS,
        ("", letter.dead_letter_id),
        (
            letter.source_timestamp, letter.source_offset, letter.source_partition, letter.dead_letter_id,
            letter.batch_id, letter.stage, letter.reason, _storable(letter.detail), _storable(letter.source_topic),
            _storable(letter.tenant_id), _storable(letter.traceparent), letter.key,
            msgspec.json.encode({_storable(name): _storable(text) for name, text in letter.headers.items()}),
            letter.payload,
        ),
        record,
        rejected=rejected,
    )  # fmt: skip


def letter_for(record: SourceRecord, reason: DeadLetterReason, detail: str) -> DeadLetter:
    """Write the dead letter of a record."""
    return write_letter("persister", record.topic, record.partition, record, reason, detail)


def _verdict_stamp(record: SourceRecord) -> tuple[datetime, str]:
    headers = dict(record.headers)
    try:
        return parse_rfc3339(headers["ce_time"]), headers["ce_traceparent"].decode("ascii")
    except KeyError as error:
        raise Rejected(DeadLetterReason.MISSING_HEADER, f"header {error.args[0]!r} is missing") from None
    except (ValueError, AttributeError) as error:
        raise Rejected(DeadLetterReason.MISSING_HEADER, f"malformed header: {type(error).__name__}") from None


def _decoded(record: SourceRecord, decode: Callable[[bytes], _Document]) -> _Document:
    try:
        return decode(record.value or b"")
    except msgspec.ValidationError as error:
        raise Rejected(DeadLetterReason.CONTRACT_VIOLATION, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected(DeadLetterReason.UNDECODABLE, "no valid UTF-8 JSON") from None


def _check_json(payload: bytes) -> None:
    """Raise as a decoder does; an eighth of a decoder's time, as nothing is made of it."""
    payload.decode()
    _skip_json(payload)


def _storable(text: str | None) -> str | None:
    return text.replace("\x00", "\ufffd") if text is not None else None
