"""How exactly a path is drawn: lines and arcs to the pixel are found, whatever their pace; a hand's tremor is not."""

import math
import random

import numpy as np
import pytest

from services.scorer.domains.behavior.drawing import SPAN, residuals
from tests.unit.scorer.domains.behavior.test_motion import features_of, number, sampled
from tests.unit.scorer.inputs import Point


def jerky(points: list[Point], seed: int = 1) -> list[Point]:
    """The same places at other times."""
    rng, now, found = random.Random(seed), 0.0, []
    for _, x, y in points:
        now += rng.uniform(12, 60)
        found.append((now, x, y))
    return found


def trembling(points: list[Point], px: float, seed: int = 1) -> list[Point]:
    """With a tremor of 9 Hz and its noise across."""
    rng = random.Random(seed)
    return [(t, x, y + px * math.sin(0.057 * t) + rng.gauss(0, 0.5 * px)) for t, x, y in points]


def slanted(t: float) -> tuple[float, float]:
    return 700 * t, 310 * t


def bow(t: float) -> tuple[float, float]:
    return 700 * t, 200 * t + 700 * t * t


def test_a_line_is_exact_whatever_its_pace() -> None:
    for points in (sampled(slanted, 2, 16), jerky(sampled(slanted, 2, 16))):
        features = features_of(points)
        assert number(features, "pointer_stretches") > 20
        assert number(features, "pointer_line_share") == number(features, "pointer_arc_share") == 1
        assert number(features, "pointer_roughness") < math.log(0.5)


def test_a_curve_is_an_arc_and_no_line() -> None:
    features = features_of(jerky(sampled(bow, 1, 16)))

    assert number(features, "pointer_line_share") == 0
    assert number(features, "pointer_arc_share") > 0.8


def test_a_trembling_hand_is_neither() -> None:
    features = features_of(trembling(sampled(slanted, 2, 16), 1.5))

    assert number(features, "pointer_arc_share") < 0.1
    assert number(features, "pointer_roughness") > math.log(0.8)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (-1, 1)])
def test_rulers_menus_and_mouse_keys_are_not_judged(direction: tuple[int, int]) -> None:
    points = sampled(lambda t: (500 * t * direction[0], 500 * t * direction[1]), 2, 16)

    assert features_of(points)["pointer_stretches"] == 0
    assert features_of(points)["pointer_line_share"] is None


def test_no_stretch_reaches_over_a_pause() -> None:
    far = [point for number in range(30) for point in stroke(number, samples=SPAN)]
    near = [point for number in range(30) for point in stroke(number, samples=SPAN + 1)]

    assert features_of(far)["pointer_stretches"] == 0
    assert number(features_of(near), "pointer_stretches") > 0


@pytest.mark.parametrize("samples", [SPAN - 2, SPAN])
def test_a_late_batch_begins_a_path_of_its_own(samples: int) -> None:
    path = [(10_000.0 + t, x, y) for t, x, y in stroke(0, samples=2 * SPAN)]

    assert features_of(path, stroke(0, samples))["pointer_stretches"] == features_of(path)["pointer_stretches"]


def stroke(number: int, samples: int) -> list[Point]:
    """One of many, a second apart: a slanted line of some samples."""
    return [(1_000.0 * number + 16 * i, 60 * number + 20.0 * i, 25 * number + 9.0 * i) for i in range(samples)]


def test_places_without_a_parabola_through_them_are_no_division_by_zero() -> None:
    """All lie at one end of the chord or the other, some of them off it."""
    begin, aside, end = (0.0, 0.0), (-90.0, 200.0), (200.0, 90.0)
    places = [aside if i % 2 else end if i // SPAN % 2 else begin for i in range(3 * SPAN)]
    features = features_of([(16.0 * i, *place) for i, place in enumerate(places)])

    assert number(features, "pointer_stretches") > 3
    assert math.isfinite(number(features, "pointer_roughness"))


def test_residuals_are_those_of_polynomials() -> None:
    rng = np.random.default_rng(5)
    along, across = np.sort(rng.random((20, SPAN + 1)), axis=1), rng.normal(size=(20, SPAN + 1))

    for x, y in zip(along, across, strict=True):
        wanted = [
            np.square(y - np.polyval(np.polyfit(x, y, degree), x)).sum() / (len(x) - degree - 1) for degree in (1, 2)
        ]
        assert residuals(x, y) == pytest.approx(wanted)
