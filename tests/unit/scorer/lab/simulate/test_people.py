"""People obey what is known of hands and fingers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from services.scorer.lab.simulate.fingers import draw_fingers, type_text
from services.scorer.lab.simulate.hand import Hand, draw_hand, reach, trace
from services.scorer.lab.simulate.motion import Path, smooth_noise, tremor
from services.scorer.lab.simulate.page import Page
from services.scorer.lab.simulate.stage import Key, Stage

AIMS = 40


def hands(count: int) -> list[Hand]:
    return [draw_hand(np.random.default_rng(seed)) for seed in range(count)]


def reaches(length_px: float, width_px: float) -> list[Path]:
    rng = np.random.default_rng(5)
    return [reach(rng, hand, (100, 100), (100 + length_px, 100), width_px) for hand in hands(AIMS)]


def typed(seed: int, length: int, *, fast: bool = False) -> list[Key]:
    rng = np.random.default_rng(seed)
    stage = Stage(rng=rng, page=Page(800, 600, ()), x=0, y=0)
    type_text(stage, draw_fingers(rng, fast=fast), length, None)
    return stage.keys


def test_time_grows_with_the_difficulty_of_an_aim() -> None:
    """Fitts: a bit more difficulty costs most people 80 to 300 ms."""
    times = [
        np.median([path.t[-1] for path in reaches(length, width)])
        for length, width in ((150, 50), (300, 50), (600, 25))
    ]
    bits = [np.log2(150 / 50 + 1), np.log2(300 / 50 + 1), np.log2(600 / 25 + 1)]

    assert times == sorted(times)
    assert 80 < (times[2] - times[0]) / (bits[2] - bits[0]) < 400


def test_people_end_near_what_they_aim_at() -> None:
    misses = [np.hypot(path.x[-1] - 500, path.y[-1] - 100) for path in reaches(400, 40)]

    assert np.median(misses) < 20
    assert np.percentile(misses, 95) < 40


def test_no_two_reaches_are_alike() -> None:
    rng, hand = np.random.default_rng(1), draw_hand(np.random.default_rng(2))
    one, two = (reach(rng, hand, (0, 0), (400, 300), 30) for _ in range(2))

    assert len(one.t) != len(two.t) or not np.allclose(one.x, two.x, atol=1)


def test_free_curves_slow_down_where_they_bend() -> None:
    """By the power of a third, so the logarithms of speed and curvature go against each other."""
    against = []
    for seed, hand in enumerate(hands(12)):
        still = replace(hand, wobble=0.0, pulse=0.0, tremor_px=0.0)
        path = trace(np.random.default_rng(seed), still, (0, 0), 300)
        part = slice(len(path.t) // 5, -len(path.t) // 5, 10)
        vx, vy = np.gradient(path.x, 10)[part], np.gradient(path.y, 10)[part]
        ax, ay = np.gradient(vx), np.gradient(vy)
        speed = np.hypot(vx, vy)
        curvature = np.abs(vx * ay - vy * ax) / speed**3
        against.append(np.corrcoef(np.log(speed), np.log(curvature + 1e-6))[0, 1])
    assert np.median(against) < -0.3


def test_a_trembling_hand_trembles_at_its_frequency() -> None:
    x, y = tremor(np.random.default_rng(3), 8_000, 5.0, 3.0)
    power = np.abs(np.fft.rfft(x)) ** 2 + np.abs(np.fft.rfft(y)) ** 2
    hertz = np.fft.rfftfreq(8_000, 0.001)

    assert 4 < hertz[int(np.argmax(power))] < 6
    assert power[(hertz > 2) & (hertz < 9)].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("time_ms", [5.0, 30.0, 300.0])
def test_smooth_noise_has_unit_spread_and_a_memory(time_ms: float) -> None:
    noise = np.concatenate([smooth_noise(np.random.default_rng(seed), 2_000, time_ms) for seed in range(30)])
    lag = int(time_ms)

    assert 0.85 < noise.std() < 1.15
    assert np.corrcoef(noise[:-lag], noise[lag:])[0, 1] > 0.6
    assert abs(np.corrcoef(noise[: -5 * lag], noise[5 * lag :])[0, 1]) < 0.25


def test_typing_is_as_fast_as_people_are() -> None:
    medians = [np.median(np.diff([key.down_ms for key in typed(seed, 150)])) for seed in range(25)]

    assert 130 < np.median(medians) < 300
    assert np.std(np.log(medians)) > 0.15


def test_quick_typists_press_a_key_before_they_let_go_of_the_last() -> None:
    def overlap(keys: list[Key]) -> float:
        return float(np.mean([b.down_ms < a.down_ms + a.dwell_ms for a, b in pairwise(keys)]))

    fast = np.mean([overlap(typed(seed, 150, fast=True)) for seed in range(20)])
    slow = np.mean([overlap([k for k in typed(seed, 150) if k.key_class != "modifier"]) for seed in range(20)])
    assert fast > 0.2
    assert slow < fast


def test_people_correct_themselves() -> None:
    shares = [np.mean([key.key_class == "backspace" for key in typed(seed, 200)]) for seed in range(30)]

    assert 0.01 < np.mean(shares) < 0.25
