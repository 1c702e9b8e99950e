"""Sums give what the samples themselves would give."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.domains.behavior.sums import Histogram, Moments, Products, explained_share, share_above

_samples = st.lists(st.floats(-3, 3), min_size=2, max_size=50)


def moments(samples: list[float]) -> Moments:
    sums = Moments()
    for sample in samples:
        sums.add(sample)
    return sums


def histogram(durations_ms: list[float]) -> Histogram:
    counts = Histogram()
    for duration_ms in durations_ms:
        counts.add(math.log(max(duration_ms, 8)))
    return counts


@given(_samples)
def test_mean_and_variance_are_those_of_the_samples(samples: list[float]) -> None:
    assert moments(samples).mean == pytest.approx(statistics.fmean(samples), abs=1e-9)
    assert moments(samples).variance == pytest.approx(statistics.pvariance(samples), abs=1e-9)


def test_the_shape_of_a_bell_curve_and_of_none() -> None:
    rng = random.Random(4)
    bell = moments([rng.gauss(0, 1) for _ in range(20_000)])
    box = moments([rng.random() for _ in range(20_000)])

    assert bell.shape() == pytest.approx((0, 3), abs=0.2)
    assert box.shape() == pytest.approx((0, 1.8), abs=0.1)
    assert moments([0.5] * 20).shape() is None


def test_correlation_of_pairs() -> None:
    rng = random.Random(1)
    left = [rng.gauss(0, 1) for _ in range(4_000)]
    right = [0.6 * value + 0.8 * rng.gauss(0, 1) for value in left]
    products = Products()
    for one, other in zip(left, right, strict=True):
        products.add(one, other)
    products.add(None, 3.0)

    assert products.count == 4_000
    assert products.correlation(moments(left), moments(right)) == pytest.approx(0.6, abs=0.05)
    assert Products().correlation(moments(left), moments(right)) is None


@given(st.lists(st.floats(8, 4_000), min_size=1, max_size=60), st.sampled_from([0.1, 0.5, 0.9]))
def test_quantiles_are_right_to_a_bin(durations_ms: list[float], share: float) -> None:
    exact = sorted(durations_ms)[max(0, math.ceil(share * len(durations_ms)) - 1)]
    given_ms = histogram(durations_ms).quantile(share)

    assert given_ms is not None
    assert abs(math.log2(given_ms / exact)) <= 0.25 + 1e-9


def test_of_nothing_there_is_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
    assert share_above(Histogram(), histogram([10.0])) is None


def test_how_often_one_is_above_the_other_by_chance() -> None:
    assert share_above(histogram([200.0]), histogram([50.0, 100.0, 400.0])) == pytest.approx(2 / 3)
    assert share_above(histogram([200.0]), histogram([200.0])) == 0.5
    assert share_above(histogram([30.0]), histogram([90_000.0])) == 0


def test_what_is_too_short_for_a_hand_is_above_nothing_and_below_nothing() -> None:
    assert share_above(histogram([0.0, 18.0]), histogram([50.0])) is None
    assert share_above(histogram([100.0]), histogram([1.0, 18.0])) is None
    assert share_above(histogram([0.0, 200.0]), histogram([1.0, 100.0])) == 1


def test_groups_that_explain_all_or_nothing() -> None:
    apart, mixed = moments([0.0, 0.0, 1.0, 1.0]), moments([0.0, 1.0, 0.0, 1.0])

    assert explained_share([2, 2, 0], [0.0, 2.0, 0.0], apart) == pytest.approx(1)
    assert explained_share([2, 2, 0], [1.0, 1.0, 0.0], mixed) == pytest.approx(-0.5)  # less than chance gives
    assert explained_share([4, 0, 0], [2.0, 0.0, 0.0], apart) is None


def test_chance_explains_nothing_on_average() -> None:
    rng = random.Random(9)
    shares = []
    for _ in range(300):
        samples = [rng.gauss(0, 1) for _ in range(60)]
        groups = [samples[start::6] for start in range(6)]
        share = explained_share([len(group) for group in groups], [sum(group) for group in groups], moments(samples))
        assert share is not None
        shares.append(share)

    assert statistics.fmean(shares) == pytest.approx(0, abs=0.02)
