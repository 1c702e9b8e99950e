"""Motion from sample to sample: what is known of lines, circles and noise comes out, on any screen and recorder."""

import math
import random
from collections.abc import Callable

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from tests.unit.scorer.inputs import Point, scored, track

Curve = Callable[[float], tuple[float, float]]  # place in px at a time in s


def sampled(curve: Curve, seconds: float, step_ms: float) -> list[Point]:
    return [(i * step_ms, *curve(i * step_ms / 1_000)) for i in range(int(seconds * 1_000 / step_ms) + 1)]


def features_of(*parts: list[Point]) -> Features:
    state = State()
    for points in parts:
        batch = scored("path", tracks=[track(points)]).batch
        assert isinstance(batch, BehaviorBatch)
        state.observe(batch)
    return state.values()


def told(features: Features) -> dict[str, float]:
    return {name: float(value) for name, value in features.items() if value is not None}


def number(features: Features, name: str) -> float:
    value = features[name]
    assert value is not None, name
    return float(value)


def line(t: float) -> tuple[float, float]:
    return 900 * t, 400 * t


def circle(t: float) -> tuple[float, float]:
    return 900 * math.cos(4 * t), 900 * math.sin(4 * t)


def pulsing(t: float) -> tuple[float, float]:
    """A bow drawn by pushes, as a hand does."""
    s = 2.5 * t + 0.3 * math.sin(7.5 * t)
    return 600 + 500 * math.sin(s), 500 + 350 * math.cos(0.8 * s)


@pytest.mark.parametrize("scale", ["fine", "coarse"])
def test_a_line_at_one_speed(scale: str) -> None:
    features = features_of(sampled(line, 4, 16))

    assert number(features, f"pointer_{scale}_speed_spread") < 0.05  # whole pixels are all that is left
    assert number(features, f"pointer_{scale}_even_share") > 0.9
    assert number(features, f"pointer_{scale}_turn") < 0.05
    assert number(features, f"pointer_{scale}_dip_share") == 0


@pytest.mark.parametrize("scale", ["fine", "coarse"])
def test_a_circle_goes_on_turning(scale: str) -> None:
    features = features_of(sampled(circle, 4, 16))

    assert number(features, f"pointer_{scale}_turn_lag") > 0.8
    assert number(features, f"pointer_{scale}_flat_share") < 0.2
    assert number(features, "pointer_coarse_turn") == pytest.approx(4 * 0.096, rel=0.05)  # rad/s times the time apart


def test_independent_noise_takes_every_turn_back() -> None:
    noise = random.Random(5)
    noisy = [(t, x + noise.gauss(0, 6), y + noise.gauss(0, 6)) for t, x, y in sampled(circle, 4, 16)]

    features = features_of(noisy)

    assert number(features, "pointer_fine_turn_lag") < -0.4
    assert number(features, "pointer_fine_speed_change_lag") < -0.3


def test_quick_pushes_that_brake_slowly_rise_less_often() -> None:
    def push(t: float) -> tuple[float, float]:
        cycle, phase = divmod(t, 0.5)
        way = cycle + (1 - (1 - phase / 0.5) ** 3)  # fast at once, then slower and slower
        return 200 * way, 90 * way

    assert number(features_of(sampled(push, 4, 16)), "pointer_fine_rise_share") < 0.3


@pytest.mark.parametrize("step_ms", [1.0, 4.0, 8.0, 1_000 / 60, 20.0, 100.0])
def test_recorders_of_any_rate_agree_on_the_coarse_scale(step_ms: float) -> None:
    exact, seen = features_of(sampled(pulsing, 12, 10)), features_of(sampled(pulsing, 12, step_ms))

    for name, within in (("speed_spread", 0.1), ("turn_lag", 0.15), ("speed_change_lag", 0.15), ("turn", 0.06)):
        name = f"pointer_coarse_{name}"
        assert number(seen, name) == pytest.approx(number(exact, name), abs=within), name


def test_slow_recorders_have_no_fine_scale() -> None:
    features = features_of(sampled(pulsing, 12, 100))

    assert features["pointer_fine_windows"] == 0
    assert features["pointer_fine_speed_spread"] is None


def test_a_screen_of_other_size_tells_the_same() -> None:
    small = features_of(sampled(pulsing, 12, 16))
    large = features_of([(t, 2.5 * x, 2.5 * y) for t, x, y in sampled(pulsing, 12, 16)])

    for name in ("speed_spread", "turn_lag", "speed_change_lag", "turn"):
        name = f"pointer_coarse_{name}"
        assert number(large, name) == pytest.approx(number(small, name), abs=0.05), name


def test_fractions_of_a_pixel_tell_nothing() -> None:
    points = sampled(pulsing, 4, 16)

    assert features_of(points) == features_of([(t, float(round(x)), float(round(y))) for t, x, y in points])


def test_windows_do_not_reach_over_pauses() -> None:
    first = sampled(line, 0.2, 16)
    second = [(t + 2_000, 5_000 - x, y) for t, x, y in first]

    together = features_of(first + second)

    assert together["pointer_fine_windows"] == 2 * number(features_of(first), "pointer_fine_windows")
    assert together["pointer_fine_sharp_share"] == 0


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("step_ms", [8.0, 16.0])
def test_cuts_make_no_difference(step_ms: float, size: int) -> None:
    path = sampled(pulsing, 3, step_ms)
    whole = features_of(path)
    cut = features_of(*[path[start : start + size] for start in range(0, len(path), size)])
    assert {name for name in cut if cut[name] is None} == {name for name in whole if whole[name] is None}
    assert told(cut) == pytest.approx(told(whole), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("cut", range(1, 9))
def test_samples_that_thinning_left_out_still_keep_their_neighbours_apart(cut: int) -> None:
    """Thinned, the path is at one place twice in a row; in full it is not, and no sample may get lost."""
    path: list[Point] = [
        (0, 0, 0),
        (6, 5, 0),
        (12, 0, 0),
        (24, 9, 0),
        (36, 20, 0),
        (48, 31, 0),
        (60, 40, 0),
        (72, 52, 0),
    ]
    path += [(84, 60, 0)]
    assert features_of(path[:cut], path[cut:])["pointer_moves"] == len(path)
