"""From evidence to action."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.policy import HUMAN_FROM_CONFIDENCE, STEPS, Signal, judge

_weights = st.floats(0.0, 0.999)
_signals = st.lists(st.builds(lambda weight: Signal("SOME_CODE", weight, "Something.", {}), _weights), max_size=20)
_shares = st.floats(0.0, 1.0)
_counts = st.integers(0, 1_000_000)


def signal(weight: float, code: str = "SOME_CODE") -> Signal:
    return Signal(code, weight, "Something.", {})


@given(_signals, _shares, _counts)
def test_contributions_sum_up_to_the_risk(signals: list[Signal], coverage: float, events: int) -> None:
    judgement = judge(signals, coverage, events)

    assert sum(reason.contribution for reason in judgement.reasons) == pytest.approx(judgement.risk_score, abs=1e-9)
    assert all(0 <= reason.contribution <= 1 for reason in judgement.reasons)
    assert 0 <= judgement.risk_score <= 1 and 0 <= judgement.confidence <= 1
    assert judgement.trust_score == round(100 * (1 - judgement.risk_score))


@given(_signals, _weights, _shares, _counts)
def test_more_evidence_is_never_less_risk(signals: list[Signal], weight: float, coverage: float, events: int) -> None:
    without, with_it = judge(signals, coverage, events), judge([*signals, signal(weight)], coverage, events)

    assert with_it.risk_score >= without.risk_score
    assert with_it.confidence >= without.confidence


@given(_signals, _shares, _counts, _counts)
def test_confidence_grows_with_what_was_seen(signals: list[Signal], coverage: float, one: int, other: int) -> None:
    fewer, more = sorted((one, other))

    assert judge(signals, coverage, fewer).confidence <= judge(signals, coverage, more).confidence


@given(st.permutations([0.2, 0.35, 0.5, 0.9]))
def test_the_order_of_evidence_does_not_matter(weights: list[float]) -> None:
    signals = [signal(weight, f"CODE_{weight * 100:.0f}") for weight in weights]

    judgement = judge(signals, 0.5, 100)

    assert judgement.risk_score == pytest.approx(1 - 0.8 * 0.65 * 0.5 * 0.1)
    assert [reason.code for reason in judgement.reasons] == ["CODE_90", "CODE_50", "CODE_35", "CODE_20"]


def test_half_and_half_leaves_a_quarter_of_doubt() -> None:
    judgement = judge([signal(0.5, "ONE_CODE"), signal(0.5, "TWO_CODE")], 1.0, 100)

    assert judgement.risk_score == 0.75
    assert [reason.contribution for reason in judgement.reasons] == [0.375, 0.375]
    assert (judgement.action, judgement.label, judgement.trust_score) == ("REVIEW", "bot", 25)


@pytest.mark.parametrize(
    ("risk", "action"),
    [(0.0, "ALLOW"), (0.44, "ALLOW"), (0.45, "CHALLENGE"), (0.74, "CHALLENGE"), (0.75, "REVIEW"), (0.95, "BLOCK")],
)
def test_actions_follow_the_table(risk: float, action: str) -> None:
    assert judge([signal(risk)], 1.0, 1_000).action == action


def test_the_table_falls_to_nothing() -> None:
    for bounds in ([step.from_risk for step in STEPS], [step.learned_from_risk for step in STEPS]):
        assert bounds == sorted(bounds, reverse=True)
        assert bounds[-1] == 0.0


def test_who_was_hardly_seen_is_not_called_human() -> None:
    hardly, well = judge([], 1.0, 1), judge([], 1.0, 1_000)

    assert hardly.confidence < HUMAN_FROM_CONFIDENCE <= well.confidence
    assert (hardly.action, hardly.label) == ("ALLOW", "undecided")
    assert (well.action, well.label) == ("ALLOW", "human")


def learned(weight: float) -> Signal:
    return Signal("LIKE_BOTS", weight, "Like bots.", {}, learned=True)


@pytest.mark.parametrize(
    ("risk", "action", "label"),
    [(0.4, "ALLOW", "human"), (0.6, "ALLOW", "suspicious"), (0.95, "CHALLENGE", "bot"), (0.99, "REVIEW", "bot")],
)
def test_a_model_alone_must_be_surer_and_blocks_nobody(risk: float, action: str, label: str) -> None:
    judgement = judge([learned(risk)], 1.0, 1_000)

    assert (judgement.action, judgement.label, judgement.risk_score) == (action, label, risk)


def test_a_rule_that_agrees_lets_a_model_count_in_full() -> None:
    assert judge([learned(0.6), signal(0.2)], 1.0, 100).action == "CHALLENGE"
    assert judge([learned(0.99), signal(0.2)], 1.0, 100).action == "BLOCK"


def test_a_strong_rule_and_a_model_that_doubts_are_near_certain() -> None:
    """Odds 55 to 45 where 2 in 100 are bots, seen by a model that says 40 in 100."""
    judgement = judge([learned(0.4), signal(0.55)], 1.0, 100)

    odds = (0.55 / 0.45) / (0.02 / 0.98) * (0.4 / 0.6)
    assert judgement.risk_score == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert sum(reason.contribution for reason in judgement.reasons) == pytest.approx(judgement.risk_score)


def test_a_weak_rule_gains_nothing_from_a_model_that_speaks_for_a_person() -> None:
    assert judge([learned(0.3), signal(0.4)], 1.0, 100).risk_score == judge([signal(0.4)], 1.0, 100).risk_score
    assert judge([learned(0.3), signal(0.4)], 1.0, 100).action == "ALLOW"


def test_weak_rules_gain_what_a_model_says_beyond_an_even_chance() -> None:
    both = [signal(0.4), signal(0.3)]
    assert judge([learned(0.6), *both], 1.0, 100).risk_score == pytest.approx(1 - 0.6 * 0.7 * 0.8)
    assert judge([learned(0.9), signal(0.2)], 1.0, 100).risk_score == 0.9


@given(_signals, st.floats(0.01, 0.99))
def test_no_model_takes_a_rule_back(signals: list[Signal], weight: float) -> None:
    assert judge([*signals, learned(weight)], 1.0, 100).risk_score >= judge(signals, 1.0, 100).risk_score
