"""Verdict v1: what Telltale says of a subject after each batch, with every reason behind it."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shared.contracts.base import Share, SubjectId, SubjectType
from shared.topics import Domain
from shared.uuids import named_uuid, uuid_text

Action = Literal["ALLOW", "CHALLENGE", "REVIEW", "BLOCK"]
Label = Literal["human", "suspicious", "bot", "undecided"]
ReasonCode = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{2,63}$(?!\n)")]
Evidence = dict[str, float | int | str | bool | None]

_NAMESPACE: Final = UUID("5f1a2f0e-5c0e-5d53-9d3e-0b6f8f7c1d11")


class VerdictSubject(msgspec.Struct, frozen=True):
    """Who or what was judged."""

    type: SubjectType
    id: SubjectId


class Reason(msgspec.Struct, frozen=True):
    """One cause of a verdict.

    ``contribution`` is this reason's part of the risk score, 0..1. ``evidence`` holds the feature values behind it.
    """

    code: ReasonCode
    contribution: Share
    message: str
    evidence: Evidence


class Versions(msgspec.Struct, frozen=True):
    """What made the verdict: the same input and versions give the same verdict again."""

    pipeline: str
    ruleset: str
    policy: str
    models: dict[str, str] = msgspec.field(default_factory=dict)


class SessionFacts(msgspec.Struct, frozen=True):
    """The bounded run of activity that the verdict looks back on."""

    started_at: datetime
    last_seen_at: datetime
    batch_count: int
    event_count: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Our recommendation after one batch.

    ``risk_score`` is 0..1, higher is riskier; ``trust_score`` 0..100 is derived from it; ``confidence`` 0..1 grows with
    what has been seen. ``event_count`` counts the batch; ``session`` counts everything so far.
    """

    verdict_id: UUID
    batch_id: UUID
    tenant_id: str
    domain: Domain
    subject: VerdictSubject
    action: Action
    label: Label
    risk_score: Share
    trust_score: Annotated[int, Meta(ge=0, le=100)]
    confidence: Share
    reasons: list[Reason]
    unknown_rules: list[str]
    versions: Versions
    event_count: int
    session: SessionFacts
    occurred_at: datetime  # latest event of the batch, by the client's corrected clock
    received_at: datetime  # the gateway's stamp


def verdict_id(tenant_id: str, batch_id: UUID) -> UUID:
    """Derive the verdict's id from its batch, so that judging again gives the same one."""
    return named_uuid(_NAMESPACE, b"%b/%b" % (tenant_id.encode(), uuid_text(batch_id)))
