"""The page a session takes place on, and what its visitor wants to do there.

Both are drawn without knowing who the visitor is, so that neither tells people from bots.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from services.scorer.lab.simulate.motion import Rng, log_normal

# Common viewports, as public browser statistics list them; weights rounded.
_VIEWPORTS: Final = (
    (1536, 730, 0.2), (1920, 950, 0.28), (1366, 650, 0.12), (1440, 780, 0.1), (2560, 1290, 0.1), (1280, 640, 0.1),
    (1680, 900, 0.06), (3440, 1290, 0.04),
)  # fmt: skip
_PHONES: Final = ((390, 844, 0.3), (412, 915, 0.3), (360, 800, 0.2), (430, 932, 0.1), (768, 1024, 0.1))

_DRAWN_ONLY: Final = 0.2
_NEARBY: Final = 0.4
_AGAIN: Final = 0.15

GoalKind = Literal["click", "type", "scroll", "read", "wander", "submit", "away", "draw"]

_KINDS: Final[tuple[GoalKind, ...]] = ("click", "wander", "read", "scroll", "draw", "type", "away")
_ODDS: Final = {
    "pointer": (0.58, 0.18, 0.08, 0.06, 0.1, 0.0, 0.0),
    "form": (0.38, 0.1, 0.1, 0.15, 0.02, 0.23, 0.02),
    "keys": (0.1, 0.0, 0.1, 0.05, 0.0, 0.74, 0.01),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A thing to click on: its centre and size."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to do. ``amount`` is how many characters to type, or how many pixels to scroll or to draw."""

    kind: GoalKind
    target: Target
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A viewport and what is to be done in it."""

    width: int
    height: int
    goals: tuple[Goal, ...]


def draw_page(rng: Rng, phone: bool, pointer_only: bool, keys_only: bool = False) -> Page:
    """Draw a page and its goals."""
    sizes = _PHONES if phone else _VIEWPORTS
    weights = [row[2] for row in sizes]
    width, height, _ = sizes[int(rng.choice(len(sizes), p=[weight / sum(weights) for weight in weights]))]
    count = int(min(60, max(2, log_normal(rng, 11, 0.7))))
    if pointer_only and rng.random() < _DRAWN_ONLY:  # a gesture asked for, as some challenges do
        gestures = [_goal(rng, width, height, "draw") for _ in range(int(rng.integers(1, 3)))]
        return Page(width, height, tuple(gestures))
    odds = _ODDS["keys" if keys_only else "pointer" if pointer_only else "form"]
    kinds = [_KINDS[int(row)] for row in rng.choice(len(_KINDS), size=count, p=odds)]
    goals: list[Goal] = []
    for kind in kinds:
        goals.append(_goal(rng, width, height, kind, 24 if keys_only else 14, goals[-1].target if goals else None))
    if not pointer_only and any(goal.kind == "type" for goal in goals):
        goals.append(Goal("submit", draw_target(rng, width, height, "send")))
    return Page(width, height, tuple(goals))


def draw_target(rng: Rng, width: float, height: float, name: str | None = None) -> Target:
    """Draw a link, button or field somewhere in the viewport."""
    wide, high = min(0.6 * width, log_normal(rng, 90, 0.7)), min(120.0, log_normal(rng, 30, 0.4))
    x = rng.uniform(0.05 * width + wide / 2, 0.95 * width - wide / 2)
    y = rng.uniform(0.05 * height + high / 2, 0.95 * height - high / 2)
    return Target(name or f"e{rng.integers(1, 400)}", float(x), float(y), wide, high)


def _goal(rng: Rng, width: int, height: int, kind: GoalKind, characters: int = 0, before: Target | None = None) -> Goal:
    target = draw_target(rng, width, height)
    amount = 0.0
    if before is not None and rng.random() < _NEARBY:  # the next field, the next entry of a menu
        target = _near(rng, width, height, before, target)
    elif before is not None and rng.random() < _AGAIN:  # the button for the next page
        target = before
    if kind == "scroll":
        amount = rng.choice([-1, 1], p=[0.25, 0.75]) * rng.uniform(200, 2_500)
    if kind == "type":
        amount = max(2, log_normal(rng, characters, 0.7))
    if kind == "draw":
        amount = min(0.8 * height, log_normal(rng, 190, 0.35))
    return Goal(kind, target, int(amount))


def _near(rng: Rng, width: int, height: int, before: Target, other: Target) -> Target:
    away, angle = log_normal(rng, 90, 0.6), rng.uniform(0, 6.283)
    x = min(max(before.x + away * float(np.cos(angle)), other.width / 2), width - other.width / 2)
    y = min(max(before.y + away * float(np.sin(angle)), other.height / 2), height - other.height / 2)
    return Target(other.name, x, y, other.width, other.height)
