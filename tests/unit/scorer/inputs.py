"""What the scorer's tests share: batches of behaviour, cut as one likes."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.scorer.pipeline import Ruleset, ScoredInput, SubjectState, fold, load_ruleset
from shared.contracts.base import Subject
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorEvent, AnyBehaviorTrack, PointerMove, PointerTrack
from shared.contracts.verdict import Verdict
from shared.topics import Domain

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
_IDS = UUID("7b2f5f0e-6d55-4a7e-9a3a-0c8f4d3f1b11")

Point = tuple[float, float, float]  # t in ms, x, y


def at(ms: float) -> datetime:
    return START + timedelta(milliseconds=ms)


def scored(
    name: str,
    events: Iterable[AnyBehaviorEvent] = (),
    tracks: Iterable[AnyBehaviorTrack] = (),
    received_at: datetime = START,
) -> ScoredInput:
    """Give one batch; equal names are equal batch ids."""
    batch = BehaviorBatch(
        batch_id=uuid5(_IDS, name),
        subject=Subject(type="session", id="visitor-1"),
        events=list(events),
        tracks=list(tracks),
    )
    return ScoredInput("acme", Domain.BEHAVIOR, received_at, 0, batch)


def objects(points: Sequence[Point]) -> list[AnyBehaviorEvent]:
    return [PointerMove(occurred_at=at(t), x=x, y=y, pointer="mouse") for t, x, y in points]


def track(points: Sequence[Point]) -> PointerTrack:
    first = points[0][0]
    return PointerTrack(
        started_at=at(first),
        t=[t - first for t, _, _ in points],
        x=[x for _, x, _ in points],
        y=[y for _, _, y in points],
        pointer="mouse",
    )


def hand(count: int, step_ms: float = 16.0, trembling_hz: float = 0.0, tremor_px: float = 0.0) -> list[Point]:
    """Draw what a hand draws: bows, one push after the other, in whole pixels; trembling if wanted."""
    points = []
    for index in range(count):
        t = index * step_ms
        phase = 2.2 * t / 1_000 + 0.15 * math.sin(2 * math.pi * 1.7 * t / 1_000)
        tremor = tremor_px * math.sin(2 * math.pi * trembling_hz * t / 1_000)
        x = round(600 + 160 * math.sin(phase) + 40 * math.sin(2.7 * phase) + tremor)
        y = round(400 + 150 * math.cos(1.1 * phase) + 30 * math.sin(3.3 * phase) + 0.5 * tremor)
        points.append((t, float(x), float(y)))
    return points


def rules_alone() -> Ruleset:
    """Give the ruleset without its models: drawn curves and dice are no people to a model that met real ones."""
    ruleset = load_ruleset(Domain.BEHAVIOR)
    return Ruleset(ruleset.features, ruleset.rules, ruleset.version)


def fold_all(items: Iterable[ScoredInput], ruleset: Ruleset) -> tuple[SubjectState, Verdict]:
    """Fold batches from nothing; give the last state and the last verdict."""
    state: SubjectState | None = None
    verdict: Verdict | None = None
    for item in items:
        state, given, _ = fold(state, item, ruleset)
        verdict = given or verdict
    assert state is not None and verdict is not None
    return state, verdict
