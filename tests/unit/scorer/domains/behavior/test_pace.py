"""Whether steps follow the clock: a movement sampled at uneven times tells itself from a list of points."""

import math
import random
from itertools import pairwise

import pytest

from tests.unit.scorer.domains.behavior.test_motion import Curve, features_of, line, number, pulsing
from tests.unit.scorer.inputs import Point


def uneven(seed: int, samples: int = 200) -> list[float]:
    """Times from 8 to 30 ms apart."""
    rng, now, times = random.Random(seed), 0.0, []
    for _ in range(samples):
        times.append(now)
        now += rng.uniform(8, 30)
    return times


def watched(curve: Curve, times: list[float]) -> list[Point]:
    """Where a movement was at these times."""
    return [(t, *curve(t / 1_000)) for t in times]


def listed(curve: Curve, times: list[float]) -> list[Point]:
    """A point of a list at each of these times, whatever they are."""
    return [(t, *curve(0.02 * number)) for number, t in enumerate(times)]


@pytest.mark.parametrize("curve", [line, pulsing])
def test_a_movement_goes_on_between_samples(curve: Curve) -> None:
    features = features_of(watched(curve, uneven(1)))

    assert number(features, "pointer_pairs") > 150
    assert number(features, "pointer_pace_slope") > 0.8
    assert number(features, "pointer_pace_ratio") > 0.5


@pytest.mark.parametrize("curve", [line, pulsing])
def test_a_list_of_points_ignores_the_clock(curve: Curve) -> None:
    features = features_of(listed(curve, uneven(1)))

    assert number(features, "pointer_pace_slope") == pytest.approx(0, abs=0.2)
    assert number(features, "pointer_pace_ratio") < -0.5


def test_the_sums_are_those_of_regression() -> None:
    points = [(t, float(math.floor(x)), float(math.floor(y))) for t, x, y in watched(pulsing, uneven(2, samples=60))]
    lengths = [math.dist(one[1:], other[1:]) for one, other in pairwise(points)]
    waits = [other[0] - one[0] for one, other in pairwise(points)]
    pairs = [
        (math.log(waits[i] / waits[i - 1]), math.log(lengths[i] / lengths[i - 1]))
        for i in range(1, len(waits))
        if min(lengths[i], lengths[i - 1]) >= 3
    ]
    features = features_of(points[:25], points[25:])  # pairs reach across batches

    assert features["pointer_pairs"] == len(pairs)
    assert number(features, "pointer_pace_slope") == pytest.approx(
        sum(time * way for time, way in pairs) / sum(time * time for time, _ in pairs),
        rel=1e-4,  # times are sent in whole microseconds
    )


def test_an_even_clock_tells_nothing() -> None:
    features = features_of(watched(pulsing, [16.0 * i for i in range(100)]))

    assert number(features, "pointer_pairs") > 80
    assert features["pointer_pace_slope"] is features["pointer_pace_ratio"] is None
