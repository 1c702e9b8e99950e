"""What typing tells: of hands that overlap and follow the text, and of programs that do not."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.domains.behavior.keys import KEY_FEATURES, KeyState, presses_of
from services.scorer.features import Features
from services.scorer.pipeline import load_ruleset
from services.scorer.rules import Outcome
from shared.contracts.behavior import KeyClass, KeyPress, KeyTrack
from shared.topics import Domain
from tests.unit.scorer.inputs import at

RULES = {named.id: named.rule for named in load_ruleset(Domain.BEHAVIOR).rules if named.id.startswith("key_")}

Press = tuple[float, KeyClass, float | None]  # ms, class, dwell


def features_of(presses: Sequence[Press]) -> Features:
    state = KeyState()
    events = [KeyPress(occurred_at=at(t), key_class=key_class, dwell_ms=dwell) for t, key_class, dwell in presses]
    state.observe(presses_of(events, []))
    return state.values()


def hits(presses: Sequence[Press]) -> set[str]:
    features = features_of(presses)
    return {name for name, rule in RULES.items() if rule.judge(features) is Outcome.HIT}


def words(count: int) -> list[KeyClass]:
    """Five letters and a space, again and again."""
    return ["space" if index % 6 == 5 else "letter" for index in range(count)]


def after(intervals_ms: Sequence[float], dwells_ms: Sequence[float | None], classes: Sequence[KeyClass]) -> list[Press]:
    t, presses = 0.0, []
    for interval_ms, dwell_ms, key_class in zip(intervals_ms, dwells_ms, classes, strict=True):
        t += interval_ms
        presses.append((t, key_class, dwell_ms))
    return presses


def by_hand(count: int, seed: int = 1, pace_ms: float = 110.0) -> list[Press]:
    """Type as hands do: slower at the start of a word, the next key down before the last is up."""
    rng = random.Random(seed)
    classes = words(count)
    intervals = [rng.lognormvariate(math.log(pace_ms * (1.9 if index % 6 == 0 else 1)), 0.35) for index in range(count)]
    return after(intervals, [max(20.0, rng.gauss(100, 22)) for _ in classes], classes)


def in_turn(count: int, seed: int = 1) -> list[Press]:
    """Press, release, wait, press: drawn like a person's times, and without a look at the text."""
    rng = random.Random(seed)
    dwells: list[float | None] = [max(20.0, rng.gauss(100, 22)) for _ in range(count)]
    waits = [rng.lognormvariate(3.3, 1.0) for _ in range(count)]
    intervals = [0.0] + [(dwell or 0) + wait for dwell, wait in zip(dwells, waits[1:], strict=False)]
    return after(intervals, dwells, words(count))


@pytest.mark.parametrize("pace_ms", [55.0, 75.0, 110.0, 250.0, 600.0])
@pytest.mark.parametrize("clamp_ms", [None, 1.0, 1_000 / 60, 100.0])
def test_hands_of_any_pace_by_any_clock_hit_no_rule(pace_ms: float, clamp_ms: float | None) -> None:
    for seed in range(10):
        presses = by_hand(300, seed, pace_ms)
        if clamp_ms is not None:
            presses = [
                (
                    start := math.floor(t / clamp_ms) * clamp_ms,
                    kind,
                    math.floor((t + dwell) / clamp_ms) * clamp_ms - start,
                )
                for t, kind, dwell in presses
                if dwell is not None
            ]
        assert hits(presses) == set(), seed


def test_hands_overlap_as_often_as_their_holds_make_likely() -> None:
    features = features_of(by_hand(300))

    assert features["key_overlap_share"] == pytest.approx(0.4, abs=0.1)
    assert features["key_overlap_ratio"] == pytest.approx(1, abs=0.15)
    assert features["key_digraph_effect"] is not None and features["key_digraph_effect"] > 0.2


def test_a_program_that_presses_in_turn_is_found() -> None:
    assert hits(in_turn(120)) == {"key_overlaps_missing"}
    assert hits(in_turn(320)) == {"key_overlaps_missing", "key_digraphs_missing", "key_text_ignored"}


def test_times_drawn_from_a_bag_are_found_in_a_long_text() -> None:
    """The bag is a person's: only the order betrays it."""
    person, rng = by_hand(420, seed=3), random.Random(8)
    intervals = [later[0] - earlier[0] for earlier, later in pairwise(person)]
    rng.shuffle(intervals)
    shuffled = after([0.0, *intervals], [dwell for _, _, dwell in person], words(420))

    assert hits(shuffled) == {"key_digraphs_missing", "key_text_ignored"}


def test_who_types_columns_of_numbers_types_no_words() -> None:
    """Their times have little to do with classes, since all keys are of one."""
    rng = random.Random(8)
    classes: list[KeyClass] = ["space" if index % 4 == 3 else "digit" for index in range(400)]
    intervals = [rng.lognormvariate(5, 0.5) for _ in classes]

    assert hits(after(intervals, [rng.gauss(90, 20) for _ in classes], classes)) == set()


def test_a_bell_curve_about_a_delay_is_found() -> None:
    rng = random.Random(2)
    intervals = [rng.gauss(120, 16) for _ in range(100)]

    assert "key_intervals_narrow" in hits(after(intervals, [None] * 100, words(100)))


def test_a_wider_bell_curve_is_found_in_a_longer_text() -> None:
    rng = random.Random(2)
    intervals = [rng.gauss(120, 24) for _ in range(200)]

    assert "key_intervals_tame" not in hits(after(intervals[:100], [None] * 100, words(100)))
    assert "key_intervals_tame" in hits(after(intervals, [None] * 200, words(200)))


def test_a_pause_now_and_then_hides_no_beat() -> None:
    intervals = [1_800.0 if index % 12 == 0 else 120.0 for index in range(60)]

    assert {"key_intervals_even", "key_intervals_fixed"} <= hits(after(intervals, [None] * 60, words(60)))


@pytest.mark.parametrize("burst_ms", [0.0, 1.0, 8.0])
def test_what_expanders_and_dictation_insert_is_fast_and_nothing_else(burst_ms: float) -> None:
    """They type at a machine's beat, and honestly."""
    intervals = [900.0 if index % 30 == 0 else burst_ms for index in range(150)]

    assert hits(after(intervals, [0.0] * 150, words(150))) == {"key_intervals_short", "key_intervals_instant"}


def test_even_holds_are_found_but_not_on_a_screen() -> None:
    rng = random.Random(6)
    intervals = [rng.lognormvariate(5, 0.5) for _ in range(60)]

    assert hits(after(intervals, [62.0 + index % 2 for index in range(60)], words(60))) == {"key_holds_even"}
    assert hits(after(intervals, [3.0] * 60, words(60))) == set()


@pytest.mark.parametrize("key_class", ["arrow", "backspace", "tab", "enter"])
def test_a_key_held_down_is_no_typing_even_if_the_client_does_not_say_repeat(key_class: KeyClass) -> None:
    held: list[Press] = [(33.0 * index, key_class, None) for index in range(200)]

    assert hits(held) == set()
    assert features_of(held)["key_intervals"] == 0


def test_modifiers_are_no_presses_and_part_the_ones_beside_them() -> None:
    classes: list[KeyClass] = ["letter", "modifier", "letter", "letter"]
    features = features_of([(100.0 * index, kind, 80.0) for index, kind in enumerate(classes)])

    assert (features["key_presses"], features["key_dwells"], features["key_intervals"]) == (3, 3, 1)


def test_corrections_pauses_and_bursts_are_counted() -> None:
    presses: list[Press] = [
        (0, "letter", None),
        (150, "backspace", None),
        (1_400, "letter", None),
        (9_000, "letter", None),
    ]
    features = features_of(presses)

    assert features["key_correction_share"] == 0.25
    assert features["key_pauses"] == 2
    assert features["key_burst_mean"] == pytest.approx(4 / 3)
    assert features["key_intervals"] == 2


def test_whoever_did_not_type_has_no_rhythm() -> None:
    features = KeyState().values()

    assert set(features) == set(KEY_FEATURES)
    assert {value for value in features.values() if value is not None} == {0}


@given(
    st.lists(
        st.tuples(st.sampled_from([21, 57, 90, 131, 160, 400, 777]), st.none() | st.integers(0, 400)),
        min_size=1,
        max_size=80,
    )
)
def test_tracks_tell_what_objects_tell(drawn: list[tuple[int, int | None]]) -> None:
    presses = after([interval for interval, _ in drawn], [dwell for _, dwell in drawn], words(len(drawn)))
    track = KeyTrack(
        started_at=at(0),
        t=[t for t, _, _ in presses],
        key_class=[kind for _, kind, _ in presses],
        dwell_ms=[dwell for _, _, dwell in presses],
    )
    state = KeyState()
    state.observe(presses_of([], [track]))

    assert state.values() == pytest.approx(features_of(presses), rel=None, abs=1e-3)
