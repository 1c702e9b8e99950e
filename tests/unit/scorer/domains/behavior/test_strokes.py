"""Strokes have the numbers that geometry and the minimum-jerk profile give them."""

import math
from collections.abc import Callable, Sequence

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.domains.behavior.strokes import PAUSE_MS
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from tests.unit.scorer.inputs import Point, scored, track

PREFIX = "pointer_stroke_"


def minimum_jerk(u: float) -> float:
    return 10 * u**3 - 15 * u**4 + 6 * u**5


def evenly(u: float) -> float:
    return u


def stroke(
    progress: Callable[[float], float],
    shape: Callable[[float], complex],
    begin_ms: float = 0.0,
    duration_ms: float = 1_280.0,
) -> list[Point]:
    """Go along a shape, sampled every 16 ms."""
    count = int(duration_ms / 16)
    places = [shape(progress(i / count)) for i in range(count + 1)]
    return [(begin_ms + 16 * i, p.real, p.imag) for i, p in enumerate(places)]


def straight(part: float) -> complex:
    return part * (3_000 + 1_300j)


def half_circle(part: float) -> complex:
    return 2_000 * complex(-math.cos(math.pi * part), math.sin(math.pi * part))


def features_of(*strokes: Sequence[Point]) -> Features:
    """Send each stroke as a batch of its own."""
    state = State()
    for index, points in enumerate(strokes):
        batch = scored(f"stroke-{index}", tracks=[track(points)]).batch
        assert isinstance(batch, BehaviorBatch)
        state.observe(batch)
    return {name.removeprefix(PREFIX): value for name, value in state.values().items() if name.startswith(PREFIX)}


def test_minimum_jerk_leaves_no_residual() -> None:
    features = features_of(stroke(minimum_jerk, straight))

    assert features["unevenness"] == pytest.approx(10 / 7, rel=0.04)  # what moves less than a pixel is not seen
    assert features["jerk_residual"] == pytest.approx(0, abs=0.02)
    assert features["centre"] == pytest.approx(0.5, abs=0.02)
    assert features["straightness"] == pytest.approx(1, abs=1e-3)


def test_one_speed_is_even_and_far_from_minimum_jerk() -> None:
    features = features_of(stroke(evenly, straight))

    # The integral of (u - minimum jerk)^2: 1/3 - 2 * 5/14 + 181/462.
    assert features["jerk_residual"] == pytest.approx(math.sqrt(1 / 3 - 5 / 7 + 181 / 462), abs=0.005)
    assert features["unevenness"] == pytest.approx(1, abs=0.01)


def test_a_half_circle_has_its_geometry() -> None:
    features = features_of(stroke(evenly, half_circle))

    assert features["straightness"] == pytest.approx(2 / math.pi, rel=0.01)
    assert features["bow"] == pytest.approx(1 / (2 * math.pi), rel=0.01)


def test_pauses_cut_strokes() -> None:
    first = stroke(minimum_jerk, straight, duration_ms=480)
    second = [(t + first[-1][0] + PAUSE_MS + 1, x, y) for t, x, y in reversed_path(first)]
    soon = [(t + first[-1][0] + PAUSE_MS - 50, x, y) for t, x, y in reversed_path(first)]

    assert (features_of(first + second)["strokes"], features_of(first + second)["pauses"]) == (2, 1)
    assert (features_of(first + soon)["strokes"], features_of(first + soon)["pauses"]) == (1, 0)


def reversed_path(points: list[Point]) -> list[Point]:
    return [(t, x + 40, y + 9) for (t, _, _), (_, x, y) in zip(points, reversed(points), strict=True)]


def test_the_stroke_under_way_counts() -> None:
    begun = features_of(stroke(minimum_jerk, straight)[:60])

    assert begun["strokes"] == 1


def test_a_path_without_pauses_is_cut_too() -> None:
    assert features_of(stroke(evenly, half_circle, duration_ms=16_000))["strokes"] == 6  # of 3 s, and the rest


def bent(part: float, bow: float) -> complex:
    return complex(900 * part, bow * math.sin(math.pi * part) + 60 * bow * part * part * (1 - part))


def many(shapes: Sequence[Callable[[float], complex]], progress: Sequence[Callable[[float], float]]) -> Features:
    strokes = [stroke(p, s, 3_000.0 * i, 640.0) for i, (s, p) in enumerate(zip(shapes, progress, strict=True))]
    return features_of(*strokes)


def test_a_replay_is_known_turned_and_scaled() -> None:
    turns = [complex(math.cos(a), math.sin(a)) * (1 + 0.2 * a) for a in range(9)]

    features = many([lambda part, turn=turn: turn * bent(part, 170) for turn in turns], [minimum_jerk] * 9)  # type: ignore[misc]

    assert features["repeat_share"] == 1


def test_movements_of_different_shape_repeat_nothing() -> None:
    shapes = [lambda part, bow=bow: bent(part, bow) for bow in range(20, 380, 40)]
    paces = [lambda u, late=late: minimum_jerk(u ** (0.7 + 0.1 * late)) for late in range(9)]

    features = many(shapes, paces)

    assert features["repeat_share"] == 0


def test_a_pointer_that_only_appears_leaps() -> None:
    places = [(900.0 * i, 100.0 + 170 * (i % 4), 90.0 + 130 * (i % 3)) for i in range(8)]

    features = features_of(places)

    assert (features["leaps"], features["leap_share"]) == (6, 1)  # not the first place, nor the one it may yet leave
