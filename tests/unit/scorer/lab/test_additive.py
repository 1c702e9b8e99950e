"""Fitted curves: they find what is there, ignore what is not, and mean the same at run time."""

import numpy as np
import pytest

from services.scorer.lab.additive import Additive, Design, calibrate, probability, tents
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


def fit(columns: np.ndarray, bot: np.ndarray) -> Additive:
    design = Design(columns, np.ones_like(columns), NAMES, 3.0)
    return design.curves(design.fit(np.ones(len(bot), dtype=bool), bot, np.ones(len(bot))))


def score(model: Additive, columns: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Score rows as they are laid out, from the curves alone."""
    total = np.full(len(columns), model.intercept)
    for name, curve in model.curves.items():
        index = NAMES.index(name)
        height = np.array([0.0 if value != value else curve(value) for value in columns[:, index].tolist()])
        total += height * trust[:, index]
    return total


@pytest.fixture(scope="module")
def fitted() -> Additive:
    return fit(*drawn())


def test_it_finds_the_shapes_that_are_there(fitted: Additive) -> None:
    bowl, slope, noise = (fitted.curves[name] for name in NAMES)

    assert min(bowl(-2.0), bowl(2.0)) > bowl(0.0) + 2
    assert slope(1.5) - slope(-1.5) == pytest.approx(3.0, abs=0.8)
    assert max(noise.height) - min(noise.height) < 0.5


def test_it_tells_unseen_rows_apart(fitted: Additive) -> None:
    columns, bot = drawn(6_000)

    assert (auc(score(fitted, columns[3_000:], np.ones((3_000, 3))), bot[3_000:]) or 0) > 0.75


def test_curves_and_rows_agree() -> None:
    columns, bot = drawn(400)
    columns[::5, 0] = np.nan
    trust = np.tile(np.linspace(0.1, 1.0, 400)[:, None], 3)
    design = Design(columns, trust, NAMES, 3.0)
    beta = design.fit(np.ones(400, dtype=bool), bot, np.ones(400))

    assert score(design.curves(beta), columns, trust) == pytest.approx(design.matrix @ beta, abs=1e-3)


def test_a_start_changes_nothing_but_the_way() -> None:
    columns, bot = drawn(600)
    design = Design(columns, np.ones_like(columns), NAMES, 3.0)
    rows = np.arange(600) % 3 > 0

    cold, warm = (design.fit(rows, bot, np.ones(600), start) for start in (None, np.full(design.matrix.shape[1], 0.3)))

    assert design.matrix @ warm == pytest.approx(design.matrix @ cold, abs=0.05)


def test_a_column_without_values_or_of_one_value_is_left_out() -> None:
    columns, bot = drawn(200)
    columns[:, 0], columns[:, 2] = np.nan, 5.0

    assert list(fit(columns, bot).curves) == ["slope"]


def test_the_same_rows_give_the_same_curves(fitted: Additive) -> None:
    columns, bot = drawn()

    assert fit(columns, bot) == fitted


def test_calibrated_scores_tell_the_truth_and_trust_little_evidence_less() -> None:
    chance = np.random.default_rng(5)
    scores = chance.normal(scale=2.0, size=8_000)
    seen = chance.choice([25.0, 400.0], size=8_000)
    odds = np.where(seen > 100, 2.0, 0.5) * scores
    bot = (chance.random(8_000) < 1 / (1 + np.exp(-odds))).astype(float)

    calibration = calibrate(scores, seen, bot, np.ones(8_000), "seen")

    assert calibration.slope(np.log2(25.0)) < calibration.slope(np.log2(400.0))
    assert calibration_error(probability(calibration, scores, seen), bot) < 0.03


def test_run_time_and_training_agree(fitted: Additive) -> None:
    columns, bot = drawn(60)
    columns[::7, 1] = np.nan
    seen = np.linspace(20, 600, 60).round()
    trust = np.tile((seen / (seen + 25))[:, None], 3)
    scores = score(fitted, columns, trust)
    calibration = calibrate(scores, seen, bot, np.ones(60), "seen")
    recipe = Recipe(
        "little", "", TELLING, lambda name, row: True, {"seen": 1}, "seen", lambda name: ("seen", 25.0), 3.0, 0.5
    )
    model = Model(model_file(fitted, calibration, recipe), "1")

    answers = [
        model.answer({"seen": count, **{n: None if v != v else v for n, v in zip(NAMES, row, strict=True)}})
        for count, row in zip(seen.tolist(), columns.tolist(), strict=True)
    ]

    expected = probability(calibration, scores, seen)
    assert [answer.probability for answer in answers if answer] == pytest.approx(expected.tolist())


def test_tents_share_a_value_between_its_neighbours() -> None:
    found = tents(np.array([-1.0, 0.25, 2.0, 9.0, np.nan]), np.array([0.0, 1.0, 3.0]))

    assert found.tolist() == [[1, 0, 0], [0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0]]
