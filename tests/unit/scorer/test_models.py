"""Models at run time: exact parts, missing features, too little evidence, files that are none."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.models import (
    Answer,
    Calibration,
    Curve,
    Model,
    ModelFile,
    Part,
    Telling,
    load_models,
    logistic,
    read_model,
    sureness,
)
from services.scorer.pipeline import load_ruleset
from services.scorer.policy import Signal
from shared.topics import Domain

LEVEL = Curve([4.0], [1.0])
TELLING = Telling("LIKE_BOTS", "Like bots.", "LIKE_PEOPLE", "Like people.")


def file_of(slope: Curve = LEVEL, offset: float = 0.0) -> ModelFile:
    return ModelFile(
        name="little",
        about="A model to try things on.",
        telling=TELLING,
        enough={"seen": 10},
        intercept=0.25,
        parts={
            "even": Part(Curve([0.0, 1.0], [-4.0, 4.0]), "seen", 64.0),
            "bent": Part(Curve([1.0, 2.0, 4.0], [0.0, 1.0, 0.5]), "turns", 0.0),
        },
        calibration=Calibration("seen", slope, Curve([4.0], [offset]), 0.01, 0.99),
    )


MODEL = Model(file_of(), "1")


def told(answer: Answer) -> dict[str, float]:
    """Give what features add, by their names."""
    return {name: part for name, part in zip(MODEL.names, answer.parts.tolist(), strict=True) if part}


@pytest.mark.parametrize(("place", "height"), [(0.0, 0.0), (1.0, 0.0), (1.5, 0.5), (3.0, 0.75), (4.0, 0.5), (9.0, 0.5)])
def test_a_curve_is_straight_between_its_places_and_level_outside(place: float, height: float) -> None:
    assert Curve([1.0, 2.0, 4.0], [0.0, 1.0, 0.5])(place) == pytest.approx(height)


@pytest.mark.parametrize(("at", "height"), [([], []), ([1.0], []), ([1.0, 1.0], [0.0, 1.0]), ([2.0, 1.0], [0.0, 1.0])])
def test_what_is_no_curve_is_refused(at: list[float], height: list[float]) -> None:
    with pytest.raises(ValueError, match="curve"):
        Curve(at, height)


def test_the_parts_add_up_to_the_answer() -> None:
    answer = MODEL.answer({"seen": 64, "even": 0.75, "bent": 1.5, "turns": 1})

    assert answer is not None
    assert told(answer) == {"even": 1.0, "bent": 0.5}
    assert answer.probability == pytest.approx(0.01 + 0.98 / (1 + math.exp(-1.75)))


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_feature_adds_nothing(missing: float | None) -> None:
    answer = MODEL.answer({"seen": 64, "even": missing, "bent": 1.5, "turns": 1})

    assert answer is not None
    without = MODEL.answer({"seen": 64, "bent": 1.5, "turns": 1})
    assert without is not None
    assert answer.probability == without.probability
    assert list(told(answer)) == ["bent"]


def test_a_feature_counts_the_more_the_more_stands_behind_it() -> None:
    little, much = (MODEL.answer({"seen": seen, "even": 1.0}) for seen in (16, 192))

    assert little is not None and much is not None
    assert told(little) == {"even": pytest.approx(4 * 16 / 80)}
    assert told(much) == {"even": pytest.approx(3.0)}


@pytest.mark.parametrize("turns", [None, 0])
def test_a_feature_behind_which_nothing_stands_adds_nothing(turns: int | None) -> None:
    answer = MODEL.answer({"seen": 64, "bent": 2.0, "turns": turns})

    assert answer is not None
    assert told(answer) == {}


@pytest.mark.parametrize("seen", [None, 0, 9, math.nan])
def test_it_says_nothing_of_what_it_hardly_saw(seen: float | None) -> None:
    assert MODEL.answer({"seen": seen, "even": 1.0, "bent": 2.0, "turns": 1}) is None
    assert MODEL.signal({"seen": seen, "even": 1.0, "bent": 2.0, "turns": 1}) is None


def test_it_is_surer_the_more_it_saw() -> None:
    model = Model(file_of(slope=Curve([4.0, 8.0], [0.5, 1.0])), "1")
    little, much = (model.answer({"seen": seen, "even": 1.0}) for seen in (16, 256))

    assert little is not None and much is not None
    assert 0.5 < little.probability < much.probability


@given(st.floats(), st.floats(), st.integers(10, 10**9))
def test_any_number_gives_a_probability_within_its_bounds(even: float, bent: float, seen: int) -> None:
    answer = MODEL.answer({"seen": seen, "even": even, "bent": bent, "turns": 3})

    assert answer is not None
    assert 0.01 <= answer.probability <= 0.99


def test_a_bot_is_told_by_what_speaks_for_one() -> None:
    signal = MODEL.signal({"seen": 64, "even": 1.0, "bent": 0.0, "turns": 1})

    assert signal is not None
    assert (signal.code, signal.message, signal.learned) == ("LIKE_BOTS", "Like bots.", True)
    assert signal.evidence == {"even": 1.0}
    assert signal.weight > 0.5


def test_a_person_is_told_by_what_speaks_for_one() -> None:
    signal = MODEL.signal({"seen": 64, "even": 0.1, "bent": 2.0, "turns": 1})

    assert signal is not None
    assert signal.code == "LIKE_PEOPLE"
    assert signal.evidence == {"even": 0.1}
    assert signal.weight < 0.5


@given(st.floats(allow_nan=False))
def test_log_odds_of_any_size_are_a_probability(odds: float) -> None:
    assert 0 <= logistic(odds) <= 1
    assert logistic(odds) + logistic(-odds) == pytest.approx(1.0)


def test_a_file_comes_back_with_a_version_of_its_own() -> None:
    one, other = (msgspec.json.encode(file_of(offset=offset)) for offset in (0.0, 0.5))

    assert read_model(one).describe()["needs"] == ["bent", "even", "seen", "turns"]
    assert read_model(one).version == read_model(one).version != read_model(other).version


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"name": 1}', msgspec.json.encode(file_of()).replace(b"[1.0,2.0,4.0]", b"[4,2,1]")]
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_model(data)


def test_a_domain_without_models_has_none() -> None:
    assert load_models("services.scorer.stream") == ()


def test_every_shipped_model_reads_features_that_there_are() -> None:
    ruleset = load_ruleset(Domain.BEHAVIOR)

    for model in ruleset.models:
        facts = model.describe()
        assert {*facts["needs"], *facts["enough"]} <= set(ruleset.features.table)
        assert model.answer({}) is None


def test_sureness_is_of_either_side() -> None:
    def told(weight: float) -> Signal:
        return Signal("LIKE_BOTS", weight, "Like bots.", {}, learned=True)

    assert sureness([]) == 0.0
    assert sureness([told(0.5)]) == 0.0
    assert sureness([told(0.1), told(0.75)]) == pytest.approx(0.8)
