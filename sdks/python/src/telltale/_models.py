"""What the client takes and gives. Answers are read leniently: a newer server may add fields."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Domain = Literal["behavior", "commerce", "finance", "project", "fleet"]
SubjectType = Literal["session", "customer", "card", "device", "vehicle", "driver", "project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When batches leave, how often they are tried, and how much may wait.

    Parameters
    ----------
    linger_s
        Longest time an event waits for company before its batch leaves.
    max_batch_events, max_batch_bytes
        A batch this full leaves at once. Each track sample is one event; bytes are before compression.
    max_request_batches, max_request_bytes
        Most batches, each of another subject, that share one request.
    max_requests
        Requests under way at once.
    max_buffered_events, max_buffered_bytes
        What may wait or be under way, all subjects together; beyond it new events are refused.
    gzip_above_bytes
        Larger bodies are compressed.
    request_timeout_s
        Longest time one try may take; three tenths of it for each of a free connection, TCP and TLS.
    deadline_s
        No new try is made this long after the first; then the batch is dropped.
    max_backoff_s
        Longest pause between tries, unless the server asks for a longer one.
    close_timeout_s
        Longest time `AsyncClient.close` goes on sending.
    """

    linger_s: float = 0.5
    max_batch_events: int = 1_000
    max_batch_bytes: int = 262_144
    max_request_batches: int = 100
    max_request_bytes: int = 524_288
    max_requests: int = 8
    max_buffered_events: int = 200_000
    max_buffered_bytes: int = 33_554_432
    gzip_above_bytes: int = 1_024
    request_timeout_s: float = 10.0
    deadline_s: float = 60.0
    max_backoff_s: float = 15.0
    close_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0 or (name.startswith("max_") and getattr(self, name) == 0):
                raise ValueError(f"{name} is too small: {getattr(self, name)}")
        if self.max_batch_events > MAX_EVENTS_PER_BATCH:
            raise ValueError(f"max_batch_events is at most {MAX_EVENTS_PER_BATCH}, the server's limit")


MAX_EVENTS_PER_BATCH = 10_000
MAX_TRACKS_PER_BATCH = 1_000
MAX_WAIT_MS = 10_000


class ProblemItem(msgspec.Struct, frozen=True):
    """One offending place of a request: a JSON pointer, a stable code and a sentence."""

    pointer: str = ""
    code: str = ""
    detail: str = ""


class Problem(msgspec.Struct, frozen=True):
    """The server's reason for not doing as asked (RFC 9457)."""

    status: int = 0
    code: str = ""
    title: str = ""
    detail: str = ""
    errors: list[ProblemItem] = []


class Reason(msgspec.Struct, frozen=True):
    """One cause of a verdict: a stable code, its part of the risk score, and the values behind it."""

    code: str
    contribution: float = 0.0
    message: str = ""
    evidence: dict[str, Any] = {}


class VerdictSubject(msgspec.Struct, frozen=True):
    """Who or what was judged."""

    type: str
    id: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Telltale's recommendation for a subject after one batch.

    ``action`` is ALLOW, CHALLENGE, REVIEW or BLOCK; ``label`` human, suspicious, bot or undecided. ``risk_score`` is
    0..1, higher is riskier; ``trust_score`` 0..100 is derived from it; ``confidence`` 0..1 grows with what was seen.
    """

    verdict_id: UUID
    batch_id: UUID
    subject: VerdictSubject
    action: str
    label: str
    risk_score: float
    trust_score: int
    confidence: float
    reasons: list[Reason]
    unknown_rules: list[str] = []
    versions: dict[str, Any] = {}
    occurred_at: datetime | None = None
    received_at: datetime | None = None


class Rejection(msgspec.Struct, frozen=True):
    """Why a batch, or its verdict, went no further."""

    stage: str
    reason: str
    detail: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of one batch.

    ``status`` is how far it has come: accepted, scored, persisted or rejected; a batch is scored and persisted
    independently. ``events`` counts its events and samples. What the answer to a POST cannot know yet is None, and
    ``verdict`` is there only for a caller who waited for it.
    """

    batch_id: UUID
    status: str = "accepted"
    events: int | None = None
    scored: bool = False
    persisted: bool = False
    received_at: datetime | None = None
    scored_at: datetime | None = None
    persisted_at: datetime | None = None
    verdict_id: UUID | None = None
    rejections: list[Rejection] = []
    verdict: Verdict | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the session API.

    ``status`` is open or closed; ``ended_by`` tells how it was closed: closed (by a caller), idle (30 minutes without
    data) or expired (24 hours old).
    """

    session_id: UUID
    user_id: str | None = None
    status: str = "open"
    ended_by: str | None = None
    started_at: datetime | None = None
    closed_at: datetime | None = None
    expires_at: datetime | None = None


class SessionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The latest verdict on a session.

    ``is_human`` follows from the tenant's challenge threshold, ``needs_challenge`` from the verdict's action; ``score``
    is 0..1, higher is more human; ``trust_score`` 0..100.
    """

    is_human: bool
    score: float
    confidence: float
    trust_score: int | None = None
    needs_challenge: bool | None = None
    reasons: list[Reason] = []
    judged_at: datetime | None = None
    verdict: Verdict | None = None


class SessionStatus(Session, frozen=True, kw_only=True):
    """A session, what was seen of it, and its latest verdict: ``result`` is None while there is none."""

    last_seen_at: datetime | None = None
    batch_count: int = 0
    event_count: int = 0
    result: SessionResult | None = None


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to data of a session.

    While ``status`` is pending rather than judged, ``is_human``, ``score``, ``trust_score``, ``needs_challenge``,
    ``confidence`` and ``verdict`` are None.
    """

    session_id: UUID
    batch_id: UUID
    status: str = "pending"
    is_human: bool | None = None
    score: float | None = None
    confidence: float | None = None
    trust_score: int | None = None
    needs_challenge: bool | None = None
    reasons: list[Reason] = []
    processing_time_ms: float = 0.0
    event_count: int = 0
    ignored_events: int = 0
    received_at: datetime | None = None
    verdict: Verdict | None = None


DropReason = Literal["buffer_full", "refused", "unavailable", "unknown", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Events the client gave up.

    ``reason`` is ``buffer_full`` (not taken in), ``refused`` (the server will not have them), ``unavailable`` (not
    delivered before the deadline), ``closed`` (never sent) or ``unknown``: sent, but the answer never came, so
    the server may or may not have them; `AsyncClient.receipt` can tell later.
    """

    reason: DropReason
    event_count: int
    batch_ids: tuple[UUID, ...] = ()
    problem: Problem | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counters since the client was made, all of one moment.

    Always ``added == delivered + dropped + unknown + buffered``. ``refused`` counts events `Subject.add` did not
    take; ``retries`` counts requests tried again.
    """

    added: int = 0
    delivered: int = 0
    dropped: int = 0
    unknown: int = 0
    buffered: int = 0
    refused: int = 0
    requests: int = 0
    retries: int = 0


OnDrop = Callable[[Dropped], None]
OnReceipt = Callable[[Receipt], None]
