"""Fitted curves: they find what is there, ignore what is not, and mean the same at run time."""

import numpy as np
import pytest

from services.scorer.lab.additive import Additive, calibrate, fit, probability, tents
from services.scorer.lab.learn import Recipe, model_file
from services.scorer.lab.measures import auc, calibration_error
from services.scorer.models import Model, Telling

NAMES = ["bowl", "slope", "noise"]
TELLING = Telling("LIKE_BOTS", "Like bots.", "LIKE_PEOPLE", "Like people.")


def drawn(rows: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    columns = chance.normal(size=(rows, 3))
    odds = columns[:, 0] ** 2 - 1 + columns[:, 1]
    return columns, (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)


@pytest.fixture(scope="module")
def fitted() -> Additive:
    columns, bot = drawn()
    return fit(columns, NAMES, bot, np.ones(len(bot)), 3.0)


def test_it_finds_the_shapes_that_are_there(fitted: Additive) -> None:
    bowl, slope, noise = (fitted.curves[name] for name in NAMES)

    assert min(bowl(-2.0), bowl(2.0)) > bowl(0.0) + 2
    assert slope(1.5) - slope(-1.5) == pytest.approx(3.0, abs=0.8)
    assert max(noise.height) - min(noise.height) < 0.5


def test_it_tells_unseen_rows_apart(fitted: Additive) -> None:
    columns, bot = drawn(6_000)

    assert (auc(fitted.score(columns[3_000:], NAMES), bot[3_000:]) or 0) > 0.75


def test_a_missing_value_adds_nothing(fitted: Additive) -> None:
    assert fitted.score(np.full((1, 3), np.nan), NAMES) == pytest.approx([fitted.intercept])


def test_a_column_without_values_or_of_one_value_is_left_out() -> None:
    columns, bot = drawn(200)
    columns[:, 0], columns[:, 2] = np.nan, 5.0

    assert list(fit(columns, NAMES, bot, np.ones(200), 3.0).curves) == ["slope"]


def test_the_same_rows_give_the_same_curves(fitted: Additive) -> None:
    columns, bot = drawn()

    assert fit(columns, NAMES, bot, np.ones(len(bot)), 3.0) == fitted


def test_calibrated_scores_tell_the_truth_and_trust_little_evidence_less(fitted: Additive) -> None:
    chance = np.random.default_rng(5)
    score = chance.normal(scale=2.0, size=8_000)
    seen = chance.choice([25.0, 400.0], size=8_000)
    odds = np.where(seen > 100, 2.0, 0.5) * score
    bot = (chance.random(8_000) < 1 / (1 + np.exp(-odds))).astype(float)

    calibration = calibrate(score, seen, bot, np.ones(8_000), "seen")

    assert calibration.slope(np.log2(25.0)) < calibration.slope(np.log2(400.0))
    assert calibration_error(probability(calibration, score, seen), bot) < 0.03


def test_run_time_and_training_agree(fitted: Additive) -> None:
    columns, bot = drawn(60)
    columns[::7, 1] = np.nan
    seen = np.full(60, 90.0)
    calibration = calibrate(fitted.score(columns, NAMES), seen, bot, np.ones(60), "seen")
    recipe = Recipe("little", "", TELLING, lambda name, row: True, {"seen": 1}, "seen", 3.0)
    model = Model(model_file(fitted, calibration, recipe), "1")

    answers = [
        model.answer({"seen": 90, **{n: None if v != v else v for n, v in zip(NAMES, row, strict=True)}})
        for row in columns.tolist()
    ]

    expected = probability(calibration, fitted.score(columns, NAMES), seen)
    assert [answer.probability for answer in answers if answer] == pytest.approx(expected.tolist())


def test_tents_share_a_value_between_its_neighbours() -> None:
    found = tents(np.array([-1.0, 0.25, 2.0, 9.0, np.nan]), np.array([0.0, 1.0, 3.0]))

    assert found.tolist() == [[1, 0, 0], [0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0]]
