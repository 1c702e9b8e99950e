"""Why a verdict is what it is: the stored verdict beside the rules that made it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from shared.contracts.verdict import Verdict

MAX_BATCHES: Final = 100  # of a session, the latest


@dataclass(frozen=True, slots=True)
class JudgedBatch:
    """A batch that a verdict looked back on: its place in the session, from 1 on, and what was said of it then."""

    place: int
    batch_id: UUID
    verdict_id: UUID
    received_at: datetime
    event_count: int
    action: str
    risk_score: float


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A verdict as it is stored, and the batches it looked back on: the latest first, its own included."""

    verdict: Verdict
    scored_at: datetime
    processing_time_ms: float
    batches: Sequence[JudgedBatch]


@dataclass(frozen=True, slots=True)
class CurrentRuleset:
    """A domain's rules and models as the scorer has them in force now; each as JSON-ready data."""

    version: str
    rules: Sequence[Mapping[str, Any]]
    models: Sequence[Mapping[str, Any]] = ()


def explain(stored: StoredVerdict, current: CurrentRuleset | None) -> dict[str, Any]:
    """Write the explanation, ready for JSON.

    Parameters
    ----------
    current
        None when the scorer does not answer. Its rules and models are told only when they are those that judged.
    """
    verdict = stored.verdict
    used = verdict.versions.ruleset
    rules = None
    if current is not None and current.version == used:
        rules = [_rule(rule, verdict) for rule in current.rules]
    return {
        "verdict": msgspec.to_builtins(verdict),
        "scored_at": stored.scored_at,
        "processing_time_ms": round(stored.processing_time_ms, 3),
        "ruleset": {"used": used, "current": current.version if current is not None else None},
        "rules": rules,
        "models": [_model(name, version, current, verdict) for name, version in verdict.versions.models.items()],
        "session": {
            "batch_count": verdict.session.batch_count,
            "event_count": verdict.session.event_count,
            "batches": [msgspec.to_builtins(batch) for batch in stored.batches],
        },
    }


def _rule(rule: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Put a rule's answer beside its thresholds, each with the value it saw; only hits keep their values."""
    reason = next((reason for reason in verdict.reasons if reason.code == rule["reason"]), None)
    outcome = "hit" if reason is not None else "unknown" if rule["id"] in verdict.unknown_rules else "no hit"
    seen = reason.evidence if reason is not None else {}

    def bounds(name: str) -> list[dict[str, Any]]:
        return [dict(bound) | {"seen": seen.get(bound["feature"])} for bound in rule[name]]

    return {
        "id": rule["id"],
        "outcome": outcome,
        "reason": rule["reason"],
        "contribution": reason.contribution if reason is not None else 0.0,
        "weight": rule["weight"],
        "message": rule["message"],
        "about": rule["about"],
        "enough": bounds("enough"),
        "when": bounds("when"),
    }


def _model(name: str, version: str, current: CurrentRuleset | None, verdict: Verdict) -> dict[str, Any]:
    """Tell what a model said; one that is not in force any more is only named."""
    known = current.models if current is not None else ()
    model = next((one for one in known if (one["name"], one["version"]) == (name, version)), None)
    told: dict[str, Any] = {"name": name, "version": version, "said": None, "reason": None, "contribution": None}
    if model is None:
        return told | {"about": None, "enough": None}
    said_by_code = {code: said for said, code in model["reasons"].items()}
    reason = next((reason for reason in verdict.reasons if reason.code in said_by_code), None)
    if reason is None:
        told |= {"said": "too little to tell", "contribution": 0.0}
    else:
        told |= {"said": said_by_code[reason.code], "reason": reason.code, "contribution": reason.contribution}
    return told | {"about": model["about"], "enough": model["enough"]}
