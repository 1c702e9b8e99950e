"""What ``GET /v1/verdicts/{verdict_id}/explain`` answers, as OpenAPI shows it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.insights.explaining import CurrentRuleset, JudgedBatch, StoredVerdict, explain
from shared.contracts.verdict import Action, Reason, SessionFacts, Verdict, VerdictSubject, Versions, verdict_id
from shared.topics import Domain


class BoundDocument(BaseModel):
    """A threshold on one feature."""

    feature: str
    direction: Literal["at least", "at most"]
    value: float = Field(description="The threshold; the bound itself meets it.")
    why: str = Field(description="The reason for its value.")
    seen: float | bool | None = Field(description="The feature's value; null unless the rule hit.")


class RuleDocument(BaseModel):
    """A rule and its answer."""

    id: str
    outcome: Literal["hit", "no hit", "unknown"] = Field(
        description="`unknown`: a feature was missing, or too little was seen. That is never held against anyone."
    )
    reason: str = Field(description="Its reason code.")
    contribution: float = Field(description="Its part of the risk score, 0..1.")
    weight: float = Field(description="How sure a hit alone makes us, 0..1.")
    message: str
    about: str
    enough: list[BoundDocument] = Field(description="All must be met before the rule answers at all.")
    when: list[BoundDocument] = Field(description="All must be met for a hit.")


class ModelDocument(BaseModel):
    """A trained model and what it said. All but name and version are null when another version is in force now."""

    name: str
    version: str
    said: Literal["bot", "person", "too little to tell"] | None
    reason: str | None = Field(description="Its reason code in the verdict, which has the features that spoke for it.")
    contribution: float | None = Field(description="Its part of the risk score, 0..1.")
    about: str | None
    enough: dict[str, float] | None = Field(description="The least of each feature for any answer.")


class RulesetDocument(BaseModel):
    """Versions of the ruleset."""

    used: str = Field(description="That judged.")
    current: str | None = Field(description="In force now; null when the scorer does not answer.")


class BatchDocument(BaseModel):
    """A batch that the verdict looked back on."""

    place: int = Field(description="1 is the session's first batch.")
    batch_id: UUID
    verdict_id: UUID = Field(description="The verdict after this batch.")
    received_at: datetime
    event_count: int
    action: Action
    risk_score: float


class SessionDocument(BaseModel):
    """The bounded run of activity that the verdict looked back on."""

    batch_count: int
    event_count: int
    batches: list[BatchDocument] = Field(description="The latest first, at most 100.")


class Explanation(BaseModel):
    """Why a verdict is what it is."""

    verdict: dict[str, Any] = Field(
        description="As published: `reasons` with contributions and evidence, `unknown_rules`, `versions` and more."
    )
    scored_at: datetime
    processing_time_ms: float = Field(description="From the gateway's stamp to the verdict.")
    ruleset: RulesetDocument
    rules: list[RuleDocument] | None = Field(
        description="Every rule's answer; null unless the rules that judged are those in force."
    )
    models: list[ModelDocument] = Field(description="Every model that was asked.")
    session: SessionDocument


def example() -> dict[str, Any]:
    """Give an answer. Through ``responses`` the framework would drop its nulls."""
    batch_id = UUID("0192f0c1-2f7a-7c3e-9a51-3f1d2c4b5a69")
    at = datetime(2026, 3, 1, 17, 0, 0, 125_000, UTC)
    verdict = Verdict(
        verdict_id=verdict_id("demo", batch_id), batch_id=batch_id, tenant_id="demo", domain=Domain.BEHAVIOR,
        subject=VerdictSubject("session", "first-session"), action="REVIEW", label="bot", risk_score=0.9,
        trust_score=10, confidence=0.95, reasons=[Reason(_RULE["reason"], 0.9, _RULE["message"], {"webdriver": True})],
        unknown_rules=["untrusted_input"], versions=Versions("2", "6f2b1c0a9d3e", "2", {"pointer": "0d41f6a7c2be"}),
        event_count=2,
        session=SessionFacts(at, at, 1, 2), occurred_at=at, received_at=at,
    )  # fmt: skip
    judged = JudgedBatch(1, batch_id, verdict.verdict_id, at, 2, "REVIEW", 0.9)
    stored = StoredVerdict(verdict, at + timedelta(milliseconds=2), 2.0, [judged])
    return explain(stored, CurrentRuleset("6f2b1c0a9d3e", [_RULE], [_MODEL]))


_RULE: Final[dict[str, Any]] = {
    "id": "webdriver",
    "reason": "WEBDRIVER",
    "weight": 0.9,
    "message": "The browser says that a program drives it.",
    "about": "The browser says that a program drives it.",
    "enough": [],
    "when": [{"feature": "webdriver", "direction": "at least", "value": 1, "why": "it says so itself"}],
}
_MODEL: Final[dict[str, Any]] = {
    "name": "pointer",
    "version": "0d41f6a7c2be",
    "about": "Tells hands from programs by how a pointer moves.",
    "reasons": {"bot": "POINTER_MODEL_BOT", "person": "POINTER_MODEL_PERSON"},
    "enough": {"pointer_sample_count": 60.0},
    "needs": ["pointer_sample_count"],
}
