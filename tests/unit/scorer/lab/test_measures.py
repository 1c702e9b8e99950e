"""Measures, on cases that can be counted by hand."""

import numpy as np
import pytest

from services.scorer.lab.measures import auc, calibration_error, recall_at, threshold_at

BOT = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])


def test_auc_counts_pairs() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.9])

    # 0.5 is above three of four people; 0.9 above three and level with one.
    assert auc(score, BOT) == pytest.approx((3 + 3.5) / 8)


def test_auc_by_weight() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.5])

    assert auc(score, BOT, np.array([1.0, 1.0, 1.0, 7.0, 1.0, 1.0])) == pytest.approx(0.3)


def test_measures_of_one_side_are_none() -> None:
    score = np.array([0.1, 0.9])

    assert auc(score, np.zeros(2)) is None
    assert recall_at(score, np.ones(2), 0.01) is None


@pytest.mark.parametrize(("rate", "line"), [(0.0, 0.9), (0.24, 0.9), (0.25, 0.3), (0.5, 0.2)])
def test_no_more_people_than_allowed_lie_above_the_line(rate: float, line: float) -> None:
    people = np.array([0.1, 0.2, 0.3, 0.9])

    assert threshold_at(people, rate) == line
    assert (people > line).mean() <= rate


def test_recall_is_what_lies_above() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.95])

    assert recall_at(score, BOT, 0.01) == 0.5
    assert recall_at(score, BOT, 0.25) == 1.0


def test_recall_counts_no_ties() -> None:
    assert recall_at(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), BOT, 0.01) == 0.0


def test_scores_that_tell_the_truth_have_no_error() -> None:
    score = np.array([0.25] * 4 + [0.75] * 4)
    bot = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])

    assert calibration_error(score, bot) == pytest.approx(0.0)


def test_the_error_is_the_mean_distance_by_share() -> None:
    score = np.array([0.05, 0.05, 0.05, 0.95])
    bot = np.array([0.0, 0.0, 0.0, 0.0])

    assert calibration_error(score, bot) == pytest.approx(0.75 * 0.05 + 0.25 * 0.95)
    assert calibration_error(score, bot, np.array([1.0, 1, 1, 0])) == pytest.approx(0.05)
