"""What a rule is, how it answers, and how rule files are found.

A rule answers hit, no hit or unknown. Unknown is no evidence: a feature it needs is missing, or there is too little
of it. A rule is data, so it can be listed, hashed and checked without running it.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from services.scorer.features import Features, FeatureValue

Direction = Literal["at least", "at most"]


class Outcome(StrEnum):
    """A rule's answer."""

    HIT = "hit"
    NO_HIT = "no hit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound on one feature, with the reason for its value."""

    feature: str
    direction: Direction
    value: float
    why: str

    def met_by(self, value: float) -> bool:
        """Tell whether a value lies on the asked side; the bound itself does."""
        return value >= self.value if self.direction == "at least" else value <= self.value


def at_least(feature: str, value: float, why: str) -> Threshold:
    """Ask for ``feature >= value``."""
    return Threshold(feature, "at least", value, why)


def at_most(feature: str, value: float, why: str) -> Threshold:
    """Ask for ``feature <= value``."""
    return Threshold(feature, "at most", value, why)


@dataclass(frozen=True, slots=True)
class Case:
    """An example of a rule at work, checked by the tests that every rule passes."""

    outcome: Outcome
    about: str
    features: Features


def hit(about: str, **features: FeatureValue) -> Case:
    """Give an example the rule must answer with a hit."""
    return Case(Outcome.HIT, about, features)


def no_hit(about: str, **features: FeatureValue) -> Case:
    """Give an example the rule must answer with no hit."""
    return Case(Outcome.NO_HIT, about, features)


def unknown(about: str, **features: FeatureValue) -> Case:
    """Give an example the rule must not judge."""
    return Case(Outcome.UNKNOWN, about, features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A named predicate over features.

    Parameters
    ----------
    reason
        Stable code that stands in verdicts: the file's name in capitals.
    weight
        How sure a hit alone makes us that this is no person, in (0, 1).
    message
        One sentence for the reader of a verdict.
    when
        All must be met for a hit.
    enough
        All must be met for any answer but unknown: how much has to be seen first.
    cases
        At least one example of each outcome.
    """

    reason: str
    weight: float
    message: str
    when: tuple[Threshold, ...]
    enough: tuple[Threshold, ...] = ()
    cases: tuple[Case, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """The features this rule reads, each once."""
        return tuple(dict.fromkeys(bound.feature for bound in self.enough + self.when))

    def judge(self, features: Features) -> Outcome:
        """Answer for a subject; a missing feature is never held against it."""
        for bound in self.enough:
            value = features.get(bound.feature)
            if value is None or not bound.met_by(value):
                return Outcome.UNKNOWN
        met = True
        for bound in self.when:
            value = features.get(bound.feature)
            if value is None:
                return Outcome.UNKNOWN
            met = met and bound.met_by(value)
        return Outcome.HIT if met else Outcome.NO_HIT


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule with what its file gives it."""

    id: str  # the file's name
    doc: str  # the file's docstring
    rule: Rule

    def describe(self) -> dict[str, Any]:
        """Give the rule as JSON-ready data."""
        rule = self.rule
        return {
            "id": self.id,
            "reason": rule.reason,
            "weight": rule.weight,
            "message": rule.message,
            "about": self.doc,
            "needs": list(rule.needs),
            "enough": [_describe(bound) for bound in rule.enough],
            "when": [_describe(bound) for bound in rule.when],
        }


def discover_rules(package_name: str) -> tuple[NamedRule, ...]:
    """Load every rule file of a package, in the order of their names.

    Raises
    ------
    AttributeError
        When a file there defines no ``RULE``.
    """
    package = importlib.import_module(package_name)
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    modules = [(name, importlib.import_module(f"{package_name}.{name}")) for name in names]
    return tuple(NamedRule(name, (module.__doc__ or "").strip(), module.RULE) for name, module in modules)


def _describe(bound: Threshold) -> dict[str, Any]:
    return {"feature": bound.feature, "direction": bound.direction, "value": bound.value, "why": bound.why}
