"""The answers of the session API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.contracts.base import Share
from shared.contracts.verdict import Action, Reason, SessionFacts, Versions

TrustLevel = Literal["high", "medium", "low", "suspicious"]
_LEVELS: Final[tuple[tuple[int, TrustLevel], ...]] = ((80, "high"), (60, "medium"), (40, "low"), (0, "suspicious"))
_Ms = Annotated[float, Meta(ge=0, description="Milliseconds.")]


class Judged(msgspec.Struct, frozen=True):
    """What the answers take from a verdict."""

    batch_id: UUID
    action: Action
    trust_score: int
    risk_score: float
    confidence: float
    reasons: list[Reason]
    versions: Versions
    session: SessionFacts
    received_at: datetime

    @property
    def needs_challenge(self) -> bool:
        """Whether the policy asks for more: a doubt of models alone lowers the trust, and stops nobody."""
        return self.action != "ALLOW"


judged: Final = msgspec.json.Decoder(Judged).decode


class PageReason(msgspec.Struct, frozen=True):
    """A reason as a page may see it: everybody may read that."""

    code: str
    message: str


class SessionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A session; ``sessionId`` is ``session_id`` once more.

    ``ended_by`` is closed (by the caller), idle (30 minutes without data) or expired (24 hours old).
    """

    session_id: UUID
    session_id_again: UUID = msgspec.field(name="sessionId")
    user_id: str | None
    status: Literal["open", "closed"]
    ended_by: Literal["closed", "idle", "expired"] | None = None
    started_at: datetime
    closed_at: datetime | None = None
    expires_at: datetime


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict means in this API: ``score`` is 0..1, higher is more human. Pages get no whole verdict.

    ``batch_id`` is the batch after which it was judged: who has sent one sees whether this is its verdict.
    """

    batch_id: UUID
    is_human: bool
    needs_challenge: bool
    trust_score: int
    score: Share
    confidence: Share
    reasons: Sequence[Reason] | Sequence[PageReason]
    judged_at: datetime
    verdict: msgspec.Raw | None


class StatusDocument(SessionDocument, frozen=True, kw_only=True):
    """A session, what was seen of it as of its latest verdict, and that."""

    last_seen_at: datetime | None
    batch_count: int
    event_count: int
    result: ResultDocument | None


class DataDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to data. While it is pending there is no verdict yet: see ``receipt``."""

    session_id: UUID
    batch_id: UUID
    status: Literal["judged", "pending"]
    is_human: bool | None
    needs_challenge: bool | None
    trust_score: int | None
    score: Share | None
    confidence: Share | None
    reasons: Sequence[Reason] | Sequence[PageReason]
    processing_time_ms: _Ms
    event_count: int
    ignored_events: int
    received_at: datetime
    receipt: str
    verdict: msgspec.Raw | None


class TrackDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The answer to tracked behaviour; ``batchId`` and ``receipt`` only while there is no verdict yet."""

    success: bool
    trust_score: Share | None
    trust_level: TrustLevel | None
    needs_captcha: bool
    confidence: Share
    reasons: list[Reason]
    ai_method: str
    batch_id: UUID | None = None
    receipt: str | None = None


def trust_level(trust_score: int) -> TrustLevel:
    """Name a trust of 0..100.

    >>> [trust_level(score) for score in (80, 79, 60, 59, 40, 39)]
    ['high', 'medium', 'medium', 'low', 'low', 'suspicious']
    """
    return next(level for least, level in _LEVELS if trust_score >= least)


def human_score(risk_score: float) -> float:
    """Turn a risk into a score that is higher for people."""
    return round(1 - risk_score, 6)


def method_of(versions: Versions) -> str:
    """Name what judged: rules and models with their versions."""
    models: Mapping[str, str] = versions.models
    return " + ".join([f"rules@{versions.ruleset}", *(f"{name}@{models[name]}" for name in sorted(models))])
