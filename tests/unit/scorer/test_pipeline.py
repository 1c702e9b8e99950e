"""The fold: pure, deterministic, bounded; sessions end by event time; a retried batch changes nothing."""

import copy
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer import pipeline
from services.scorer.pipeline import (
    REMEMBERED_BATCHES,
    SESSION_IDLE,
    Ruleset,
    ScoredInput,
    SubjectState,
    decode_state,
    encode_state,
    fold,
    is_expired,
    last_verdict,
    load_ruleset,
    scored_domains,
)
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorEvent, DeviceFingerprint, KeyPress, PointerDown, PointerMove
from shared.topics import Domain
from tests.unit.scorer.inputs import START, at, fold_all, hand, objects, scored, track

RULESET = load_ruleset(Domain.BEHAVIOR)
STATE_LIMIT_BYTES = 8_192

_times = st.integers(0, 60_000)
_pixels = st.floats(-1e6, 1e6)
_events: st.SearchStrategy[AnyBehaviorEvent] = st.one_of(
    st.builds(
        lambda t, x, y, trusted: PointerMove(occurred_at=at(t), x=x, y=y, trusted=trusted),
        _times,
        _pixels,
        _pixels,
        st.none() | st.booleans(),
    ),
    st.builds(lambda t, x, y: PointerDown(occurred_at=at(t), x=x, y=y, pointer="mouse"), _times, _pixels, _pixels),
    st.builds(lambda t: KeyPress(occurred_at=at(t), key_class="letter"), _times),
    st.builds(
        lambda t, driven: DeviceFingerprint(occurred_at=at(t), webdriver=driven), _times, st.none() | st.booleans()
    ),
)
_batches = st.lists(st.lists(_events, min_size=1, max_size=12), min_size=1, max_size=6)


def items_of(batches: list[list[AnyBehaviorEvent]]) -> list[ScoredInput]:
    return [
        scored(f"batch-{index}", events, received_at=START + timedelta(seconds=index))
        for index, events in enumerate(batches)
    ]


@given(_batches)
def test_the_same_batches_give_the_same_bytes(batches: list[list[AnyBehaviorEvent]]) -> None:
    first, second = (fold_all(items_of(batches), load_ruleset(Domain.BEHAVIOR)) for _ in range(2))

    assert encode_state(first[0]) == encode_state(second[0])
    assert msgspec.json.encode(first[1]) == msgspec.json.encode(second[1])


@given(_batches)
def test_a_state_comes_back_as_it_was(batches: list[list[AnyBehaviorEvent]]) -> None:
    state, verdict = fold_all(items_of(batches), RULESET)

    assert decode_state(encode_state(state)) == state
    assert last_verdict(decode_state(encode_state(state))) == verdict


@given(_batches)
def test_folding_after_a_restore_is_as_if_nothing_happened(batches: list[list[AnyBehaviorEvent]]) -> None:
    straight, _ = fold_all(items_of(batches), RULESET)
    restored: SubjectState | None = None
    for item in items_of(batches):
        folded = fold(restored, item, RULESET)
        restored = decode_state(encode_state(folded.state))

    assert restored == straight


@given(_batches)
def test_a_fold_leaves_its_input_alone(batches: list[list[AnyBehaviorEvent]]) -> None:
    *before, last = items_of(batches)
    state = fold_all(before, RULESET)[0] if before else None
    kept, kept_item = copy.deepcopy(state), copy.deepcopy(last)

    fold(state, last, RULESET)

    assert (state, last) == (kept, kept_item)


@given(_batches, st.data())
def test_retried_batches_change_nothing(batches: list[list[AnyBehaviorEvent]], data: st.DataObject) -> None:
    items = items_of(batches)
    state, _ = fold_all(items, RULESET)
    retried = data.draw(st.sampled_from(items))

    again = fold(state, retried, RULESET)

    assert again == (state, None, True)


@given(_batches)
def test_verdicts_hold_together(batches: list[list[AnyBehaviorEvent]]) -> None:
    state, verdict = fold_all(items_of(batches), RULESET)

    assert sum(reason.contribution for reason in verdict.reasons) == pytest.approx(verdict.risk_score)
    assert verdict.trust_score == round(100 * (1 - verdict.risk_score))
    assert verdict.session.batch_count == len(batches)
    assert verdict.session.event_count == sum(len(events) for events in batches)
    assert verdict.versions.ruleset == RULESET.version
    assert len(encode_state(state)) < STATE_LIMIT_BYTES
    # The contract's own bounds hold, as a reader would check them.
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=type(verdict)) == verdict


def test_batches_of_equal_time_count_the_same_in_either_order() -> None:
    one, other = scored("one", objects(hand(30))), scored("other", [KeyPress(occurred_at=at(5), key_class="digit")])

    there, back = (fold_all(order, RULESET)[0] for order in ([one, other], [other, one]))

    assert there.features == back.features
    assert (there.batch_count, there.event_count) == (back.batch_count, back.event_count)


def test_a_long_session_keeps_its_size() -> None:
    state: SubjectState | None = None
    sizes = []
    for index in range(3 * REMEMBERED_BATCHES):
        received_at = START + timedelta(seconds=index)
        points = [(t + 1_000 * index, x, y) for t, x, y in hand(60)]
        flagged = DeviceFingerprint(occurred_at=received_at, webdriver=True, automation_flags=["cdc"])
        item = scored(f"batch-{index}", [flagged], [track(points)], received_at)
        state = fold(state, item, RULESET).state
        sizes.append(len(encode_state(state)))

    assert max(sizes) < STATE_LIMIT_BYTES
    middle, last = sizes[REMEMBERED_BATCHES:-REMEMBERED_BATCHES], sizes[-REMEMBERED_BATCHES:]
    assert max(last) - max(middle) < 64


def test_a_batch_is_remembered_for_as_long_as_said() -> None:
    items = [scored(f"batch-{index}", objects(hand(1))) for index in range(REMEMBERED_BATCHES + 1)]
    state, _ = fold_all(items, RULESET)

    assert fold(state, items[1], RULESET).duplicate
    assert not fold(state, items[0], RULESET).duplicate


def test_after_an_idle_time_a_new_session_starts() -> None:
    first = scored("first", objects(hand(40)))
    later = START + SESSION_IDLE + timedelta(seconds=1)
    state, _ = fold_all([first], RULESET)

    folded = fold(state, scored("second", objects(hand(3)), received_at=later), RULESET)

    assert folded.verdict is not None
    assert folded.verdict.session.started_at == later
    assert (folded.state.batch_count, folded.state.event_count) == (1, 3)
    assert fold(folded.state, first, RULESET).duplicate, "a retry is known across sessions"


def test_a_session_lasts_through_its_idle_time() -> None:
    state, _ = fold_all([scored("first", objects(hand(1)))], RULESET)

    assert not is_expired(state, START + SESSION_IDLE)
    assert is_expired(state, START + SESSION_IDLE + timedelta(microseconds=1))


def test_a_late_batch_moves_no_time_back() -> None:
    early, late = START, START - timedelta(minutes=50)
    state, _ = fold_all([scored("first", objects(hand(2)), received_at=early)], RULESET)

    folded = fold(state, scored("late", objects(hand(2)), received_at=late), RULESET)

    assert folded.state.last_seen_at == early
    assert folded.state.started_at == early
    assert folded.state.batch_count == 2
    assert folded.verdict is not None and folded.verdict.received_at == late


def test_the_latest_event_is_told_by_the_corrected_clock() -> None:
    item = msgspec.structs.replace(
        scored("one", objects([(500.0, 1.0, 1.0)]), [track([(0.0, 0.0, 0.0), (700.0, 9.0, 9.0), (650.0, 5.0, 5.0)])]),
        clock_skew_ms=-90_000,
    )

    verdict = fold(None, item, RULESET).verdict

    assert verdict is not None
    assert verdict.occurred_at == at(700 - 90_000)


def test_features_of_another_build_start_anew_but_the_session_goes_on() -> None:
    state, _ = fold_all([scored("first", objects(hand(40)))], RULESET)
    foreign = msgspec.structs.replace(state, features=b"\x90", features_schema="0ther")

    folded = fold(foreign, scored("second", objects(hand(3))), RULESET)

    assert folded.state.batch_count == 2
    assert folded.state.event_count == 43


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_state(b"no state")


def test_fingerprints_are_matched_whole() -> None:
    """A find across two neighbours is none."""
    one, other = bytes(range(8)), bytes(range(8, 16))

    assert pipeline._remembers(one + other, other)
    assert not pipeline._remembers(one + other, (one + other)[4:12])
    assert pipeline._remembers(one + other + (one + other)[4:12], (one + other)[4:12])


def test_behaviour_is_scored() -> None:
    assert Domain.BEHAVIOR in scored_domains()


def test_a_batch_id_is_all_that_makes_a_duplicate() -> None:
    item = scored("one", objects(hand(2)))
    assert isinstance(item.batch, BehaviorBatch)
    other = msgspec.structs.replace(item, batch=msgspec.structs.replace(item.batch, batch_id=UUID(int=7)))
    state, _ = fold_all([item], RULESET)

    assert not fold(state, other, RULESET).duplicate


def test_a_ruleset_without_rules_allows() -> None:
    state, verdict = fold_all([scored("one", objects(hand(2)))], Ruleset(RULESET.features, [], "none"))

    assert (verdict.action, verdict.reasons, verdict.unknown_rules) == ("ALLOW", [], [])
    assert state.batch_count == 1
