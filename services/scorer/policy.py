"""From evidence to a recommendation: risk, its causes, confidence, action. Pure, and the same for every domain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.verdict import Action, Evidence, Label, Reason

POLICY_VERSION: Final = "3"


@dataclass(frozen=True, slots=True)
class Signal:
    """One piece of evidence, whether a rule's hit or a model's score.

    ``weight`` is how sure this alone makes us, in [0, 1). ``learned`` tells a model's score from a rule's hit.
    """

    code: str
    weight: float
    message: str
    evidence: Evidence
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the policy recommends, and why."""

    risk_score: float
    trust_score: int
    confidence: float
    action: Action
    label: Label
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the action table: what holds from this risk on.

    ``learned_from_risk`` is asked instead for the action when only models speak.
    """

    from_risk: float
    learned_from_risk: float
    action: Action
    label: Label


# One weak signal never stops anyone; two agreeing ones ask for a challenge; blocking takes near certainty. A model
# alone must be surer, and never blocks: one that meets people unlike those it learned from is wrong about all of them.
STEPS: Final = (
    Step(0.95, math.inf, "BLOCK", "bot"),
    Step(0.75, 0.98, "REVIEW", "bot"),
    Step(0.45, 0.94, "CHALLENGE", "suspicious"),
    Step(0.0, 0.0, "ALLOW", "human"),
)
# Below this confidence, an allowed subject is not called human: we have seen too little.
HUMAN_FROM_CONFIDENCE: Final = 0.4
# A rule of this weight hits hardly any people; with a model that doubts too, both together are near certain.
STRONG_WEIGHT: Final = 0.5
# What a rule's weight takes for granted: of all visitors of a site, so many are bots. A model tells better.
BOTS_IN_THE_FIELD: Final = 0.02
# Half of what can be known is known after this many events.
HALF_KNOWN_EVENTS: Final = 50


def judge(signals: Sequence[Signal], coverage: float, event_count: int) -> Judgement:
    """Weigh all evidence of a subject.

    Parameters
    ----------
    signals
        Rule hits and model scores.
    coverage
        How sure the checks that could tell would have been to find something, 0..1: each takes away its own doubt.
    event_count
        Events seen in the session.
    """
    risk = round(_risk(signals), 6)
    seen = coverage * event_count / (event_count + HALF_KNOWN_EVENTS)
    confidence = round(1 - (1 - seen) * (1 - risk), 6)
    learned = all(signal.learned for signal in signals)
    action = next(step.action for step in STEPS if risk >= (step.learned_from_risk if learned else step.from_risk))
    label: Label = next(step.label for step in STEPS if risk >= step.from_risk)
    if label == "human" and confidence < HUMAN_FROM_CONFIDENCE:
        label = "undecided"
    return Judgement(risk, round(100 * (1 - risk)), confidence, action, label, _reasons(signals, risk))


def _risk(signals: Sequence[Signal]) -> float:
    """Combine rules and models: as independent causes, or, when a strong rule hits, by Bayes, whichever is more.

    To what rules say a model adds only what it says beyond an even chance: below, it speaks for a person. Bayes takes
    the model's answer in place of the share of bots in the field.
    """
    rules = [signal.weight for signal in signals if not signal.learned]
    models = _noisy_or([signal.weight for signal in signals if signal.learned])
    either = max(models, _noisy_or([*rules, max(0.0, 2 * models - 1)]))
    strongest = max(rules, default=0.0)
    if strongest < STRONG_WEIGHT or strongest >= 1 or models >= 1:
        return either
    ratio = _odds(strongest) / _odds(BOTS_IN_THE_FIELD)
    odds = ratio * _odds(models)
    return max(either, odds / (1 + odds))


def _odds(probability: float) -> float:
    return probability / (1 - probability)


def _noisy_or(weights: Sequence[float]) -> float:
    """Combine independent causes: each leaves only its own doubt.

    >>> _noisy_or([0.5, 0.5])
    0.75
    """
    return 1 - math.prod(1 - weight for weight in weights)


def _reasons(signals: Sequence[Signal], risk: float) -> list[Reason]:
    """Share the risk out among its causes by how much doubt each removes; the parts sum up to the risk."""
    removed = [-math.log1p(-signal.weight) for signal in signals]
    total = sum(removed)
    shares = [part / total if total else 0.0 for part in removed]
    return sorted(
        (
            Reason(signal.code, risk * share, signal.message, signal.evidence)
            for signal, share in zip(signals, shares, strict=True)
        ),
        key=lambda reason: (-reason.contribution, reason.code),
    )
