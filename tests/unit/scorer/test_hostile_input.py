"""What the whole fold makes of input that no honest client sends, or that an honest one sends in an odd way.

Never a crash, never a number that is none, never a state without bounds; and no suspicion that comes of the sending.
"""

import json
import math
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.domains.behavior.features import FEATURES, State
from services.scorer.features import Features
from services.scorer.pipeline import Ruleset, encode_state, load_ruleset
from shared.contracts.base import ContractError
from shared.contracts.batch import BehaviorBatch, check_times, decode_batch
from shared.contracts.behavior import (
    AnyBehaviorEvent,
    AnyBehaviorTrack,
    ClipboardUsed,
    DeviceFingerprint,
    FocusGained,
    FocusLost,
    FormChanged,
    FormSubmitted,
    KeyPress,
    KeyTrack,
    NetworkFacts,
    PointerDown,
    PointerMove,
    PointerTrack,
    PointerUp,
    Scroll,
    ScrollTrack,
    TouchEnd,
    TouchMove,
    TouchStart,
    TouchTrack,
    VisibilityChanged,
)
from shared.contracts.verdict import Verdict
from shared.topics import Domain
from tests.unit.scorer.inputs import START, at, fold_all, hand, objects, rules_alone, scored

RULESET = load_ruleset(Domain.BEHAVIOR)
RULES = rules_alone()
STATE_LIMIT_BYTES = 16_384

_pixels = st.floats(-1e6, 1e6)
_target = st.none() | st.sampled_from(["email", "name"])
_key_class = st.sampled_from(["letter", "space", "digit", "backspace", "tab", "enter", "modifier", "other"])
_trusted = st.none() | st.booleans()
_pointer = st.sampled_from([None, "mouse", "pen", "touch"])
_text = st.sampled_from([None, "", "Win32", "X11; Linux x86_64", "HeadlessChrome/120", "Chrome/99 (iPhone) Mobile"])
_any_time = st.just(START)  # replaced where time matters

EVERY_EVENT: st.SearchStrategy[AnyBehaviorEvent] = st.one_of(
    st.builds(PointerMove, occurred_at=_any_time, x=_pixels, y=_pixels, pointer=_pointer, trusted=_trusted),
    st.builds(PointerDown, occurred_at=_any_time, x=_pixels, y=_pixels, button=st.integers(0, 31), pointer=_pointer),
    st.builds(PointerUp, occurred_at=_any_time, x=_pixels, y=_pixels, pointer=_pointer),
    st.builds(
        KeyPress,
        occurred_at=_any_time,
        key_class=_key_class,
        dwell_ms=st.none() | st.floats(0, 600_000),
        repeat=st.booleans(),
        target=_target,
    ),
    st.builds(TouchStart, occurred_at=_any_time, x=_pixels, y=_pixels, touch_id=st.integers(0, 2**31 - 1)),
    st.builds(TouchMove, occurred_at=_any_time, x=_pixels, y=_pixels, touch_id=st.integers(0, 3)),
    st.builds(TouchEnd, occurred_at=_any_time, x=_pixels, y=_pixels, cancelled=st.booleans()),
    st.builds(Scroll, occurred_at=_any_time, y=_pixels, x=_pixels),
    st.builds(FocusGained, occurred_at=_any_time, target=_target),
    st.builds(FocusLost, occurred_at=_any_time, target=_target),
    st.builds(VisibilityChanged, occurred_at=_any_time, state=st.sampled_from(["visible", "hidden"])),
    st.builds(ClipboardUsed, occurred_at=_any_time, action=st.sampled_from(["copy", "cut", "paste"])),
    st.builds(
        FormChanged,
        occurred_at=_any_time,
        field=st.sampled_from(["email", "name", "city"]),
        method=st.sampled_from([None, "typed", "pasted", "autofilled", "script"]),
    ),
    st.builds(FormSubmitted, occurred_at=_any_time, field_count=st.none() | st.integers(0, 1_000_000)),
    st.builds(
        DeviceFingerprint,
        occurred_at=_any_time,
        user_agent=_text,
        platform=_text,
        hint_platform=_text,
        hint_brands=st.none() | st.lists(st.sampled_from(["Chromium/120", "Not?A_Brand/8", ""]), max_size=3),
        touch_points=st.none() | st.integers(0, 1_000_000),
        webdriver=_trusted,
    ),
    st.builds(NetworkFacts, occurred_at=_any_time, asn=st.none() | st.integers(0, 2**32 - 1)),
)
_within_days_ms = st.integers(-7 * 86_400_000, 300_000)


def moved(event: AnyBehaviorEvent, ms: float) -> AnyBehaviorEvent:
    return msgspec.structs.replace(event, occurred_at=at(ms))


def features_of(batches: Iterable[BehaviorBatch]) -> Features:
    state = State()
    for batch in batches:
        state.observe(batch)
    return state.values()


def one_batch(events: Iterable[AnyBehaviorEvent] = (), tracks: Iterable[AnyBehaviorTrack] = ()) -> BehaviorBatch:
    batch = scored("all", events, tracks).batch
    assert isinstance(batch, BehaviorBatch)
    return batch


def one_by_one(events: Sequence[AnyBehaviorEvent]) -> list[BehaviorBatch]:
    return [one_batch([event]) for event in events]


def verdict_on(batches: Sequence[Sequence[AnyBehaviorEvent]], ruleset: Ruleset = RULES) -> Verdict:
    return fold_all([scored(f"batch-{index}", events) for index, events in enumerate(batches)], ruleset)[1]


def batches_of(events: Sequence[AnyBehaviorEvent], size: int = 50) -> list[Sequence[AnyBehaviorEvent]]:
    return [events[start : start + size] for start in range(0, len(events), size)]


def differing(left: Features, right: Features) -> dict[str, object]:
    """Give the features that differ by more than rounding."""
    return {
        name: (value, right[name])
        for name, value in left.items()
        if (value is None) != (right[name] is None)
        or (value is not None and not math.isclose(value, right[name] or 0, rel_tol=1e-6, abs_tol=1e-6))
    }


def holds_together(events: Sequence[AnyBehaviorEvent], tracks: Sequence[AnyBehaviorTrack] = ()) -> None:
    """Every feature is a number or missing, the verdict keeps its contract, the state its bounds."""
    features = features_of([one_batch(events, tracks)])
    assert set(features) == set(FEATURES)
    for name, value in features.items():
        assert value is None or math.isfinite(value), name
        if value is not None and FEATURES[name].unit == "share" and name != "key_digraph_effect":
            assert 0 <= value <= 1, name
    state, verdict = fold_all([scored("all", events, tracks)], RULESET)
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert len(encode_state(state)) < STATE_LIMIT_BYTES


def person(rhythm: random.Random, start_ms: float = 0.0, page: int = 0, presses: int = 150) -> list[AnyBehaviorEvent]:
    """Somebody moves the mouse, on each page another way, then types words."""
    path = objects(hand(900))[300 * page : 300 * (page + 1)]
    events = [moved(event, start_ms + 16 * index) for index, event in enumerate(path)]
    t = start_ms + 6_000.0
    for index in range(presses):
        begins_word = index % 6 == 0
        t += rhythm.lognormvariate(5.6 if begins_word else 4.9, 0.35)
        key_class: Any = "space" if index % 6 == 5 else "letter"
        events.append(KeyPress(occurred_at=at(t), key_class=key_class, dwell_ms=rhythm.gauss(95, 20)))
    return events


@given(st.lists(st.tuples(EVERY_EVENT, _within_days_ms), min_size=1, max_size=60))
def test_any_events_at_any_times_in_any_order(drawn: list[tuple[AnyBehaviorEvent, int]]) -> None:
    holds_together([moved(event, ms) for event, ms in drawn])


@given(EVERY_EVENT)
def test_one_event_is_no_session_to_judge(event: AnyBehaviorEvent) -> None:
    """Only what a browser says of itself counts at once."""
    verdict = verdict_on([[event]])

    told_by_itself = {"WEBDRIVER_ACTIVE", "DEVICE_HEADLESS", "FINGERPRINT_INCONSISTENT"}
    assert {reason.code for reason in verdict.reasons} <= told_by_itself


@given(st.lists(st.tuples(EVERY_EVENT, st.integers(1, 1_200)), min_size=1, max_size=60))
def test_single_event_batches_tell_what_the_whole_session_tells(drawn: list[tuple[AnyBehaviorEvent, int]]) -> None:
    t, events = 0, []
    for event, wait_ms in drawn:
        t += wait_ms
        events.append(moved(event, t))

    assert differing(features_of(one_by_one(events)), features_of([one_batch(events)])) == {}


def test_a_person_cut_into_single_events_is_judged_the_same() -> None:
    events = person(random.Random(5))

    whole, split = verdict_on([events], RULESET), verdict_on([[event] for event in events], RULESET)

    assert split.risk_score == pytest.approx(whole.risk_score, abs=1e-6)
    assert [reason.code for reason in split.reasons] == [reason.code for reason in whole.reasons]


@given(st.lists(st.tuples(EVERY_EVENT, st.integers(1, 1_200)), min_size=2, max_size=40), st.randoms())
def test_a_shuffled_batch_tells_what_a_sorted_one_tells(
    drawn: list[tuple[AnyBehaviorEvent, int]], shuffler: random.Random
) -> None:
    t, events = 0, []
    for event, wait_ms in drawn:
        t += wait_ms
        events.append(moved(event, t))
    shuffled = list(events)
    shuffler.shuffle(shuffled)

    assert differing(features_of([one_batch(shuffled)]), features_of([one_batch(events)])) == {}


@pytest.mark.parametrize("seed", range(3))
def test_events_sent_twice_make_no_bot(seed: int) -> None:
    """A page that loads the recorder twice reports every event twice."""
    events = [copy for event in person(random.Random(seed)) for copy in (event, event)]

    assert verdict_on(batches_of(events)).action == "ALLOW"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("apart_ms", [700.0, 5_000.0, 60_000.0])
def test_two_pages_on_one_session_make_no_bot(seed: int, apart_ms: float) -> None:
    """Each sends its own batches, so times go back and forth."""
    one, other = person(random.Random(seed)), person(random.Random(seed + 100), apart_ms, page=2)
    turns = [batch for pair in zip(batches_of(one), batches_of(other), strict=True) for batch in pair]

    assert verdict_on(turns).action == "ALLOW"


@pytest.mark.parametrize("seed", range(3))
def test_a_clock_set_back_makes_no_bot(seed: int) -> None:
    events = person(random.Random(seed))
    half = len(events) // 2
    late = [
        moved(event, (event.occurred_at - START) / timedelta(milliseconds=1) - 3_600_000) for event in events[half:]
    ]

    assert verdict_on([*batches_of(events[:half]), *batches_of(late)]).action == "ALLOW"


@pytest.mark.parametrize("value", [0.0, -1e6, 1e6, 5e-324, 1e6 - 0.001])
@settings(max_examples=20)
@given(data=st.data())
def test_long_tracks_of_huge_numbers(value: float, data: st.DataObject) -> None:
    size = 2_500
    step = data.draw(st.sampled_from([0.0, 1e-3, 1.0, 16.7, 34_000.0]))
    t = [step * index for index in range(size)]
    swing = [value * (-1) ** index for index in range(size)]
    tracks: list[AnyBehaviorTrack] = [
        PointerTrack(started_at=START, t=t, x=swing, y=swing, pointer="mouse"),
        TouchTrack(started_at=START, t=t, x=swing, y=[value] * size),
        ScrollTrack(started_at=START, t=t, y=swing),
        KeyTrack(
            started_at=START, t=t, key_class=["letter", "space"] * (size // 2), dwell_ms=[0.0, None] * (size // 2)
        ),
    ]

    holds_together([], tracks)


def test_ten_thousand_samples_in_random_order() -> None:
    rng = random.Random(2)
    t = [rng.uniform(0, 86_400_000) for _ in range(10_000)]
    x = [rng.uniform(-1e6, 1e6) for _ in t]

    holds_together([], [PointerTrack(started_at=START, t=t, x=x, y=x, pointer="mouse")])


def test_ten_thousand_samples_of_one_moment() -> None:
    same = [7.0] * 10_000

    holds_together([], [PointerTrack(started_at=START, t=same, x=same, y=same)])


@given(st.lists(EVERY_EVENT, min_size=1, max_size=8), st.integers(0, 2**32))
def test_a_state_keeps_its_bounds_however_long_the_session(kinds: list[AnyBehaviorEvent], seed: int) -> None:
    rng = random.Random(seed)
    state = State()
    for turn in range(40):
        state.observe(one_batch([moved(rng.choice(kinds), 1_000 * turn + 40 * index) for index in range(25)]))

    assert len(msgspec.msgpack.encode(state)) < STATE_LIMIT_BYTES


def test_a_device_that_lies_is_doubted_and_not_blocked() -> None:
    """A borrowed user agent is no crime."""
    lie = DeviceFingerprint(
        occurred_at=START, user_agent="Mozilla/5.0 (iPhone) Mobile Chrome/120", platform="Win32", touch_points=0
    )
    verdict = verdict_on([[lie], person(random.Random(1))])

    assert [reason.code for reason in verdict.reasons] == ["FINGERPRINT_INCONSISTENT"]
    assert verdict.action == "ALLOW"


def document(**event: Any) -> bytes:
    body = {
        "batch_id": "01936f2e-0000-7000-8000-000000000001",
        "domain": "behavior",
        "subject": {"type": "session", "id": "s-1"},
        "events": [{"type": "key.press", "occurred_at": START.isoformat(), "key_class": "letter"} | event],
    }
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "event",
    [
        {"key": "hunter2"},
        {"key_class": "hunter2"},
        {"value": "hunter2"},
        {"dwell_ms": "hunter2"},
        {"target": "hunter2 hunter2"},
        {"event_id": "hunter2!"},
    ],
)
def test_a_key_value_in_any_field_is_refused_and_not_repeated(event: dict[str, Any]) -> None:
    with pytest.raises(ContractError) as refused:
        decode_batch(document(**event))

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "event",
    [
        {"dwell_ms": math.nan},
        {"dwell_ms": math.inf},
        {"dwell_ms": -1},
        {"dwell_ms": 1e300},
        {"occurred_at": -5},
        {"occurred_at": "yesterday"},
        {"type": "pointer.move", "x": math.nan, "y": 0, "key_class": None},
    ],
)
def test_numbers_and_times_that_are_none_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        decode_batch(document(**event))


@pytest.mark.parametrize("off", [timedelta(days=-8), timedelta(minutes=6), timedelta(days=365_000)])
def test_forged_times_are_refused_before_the_fold(off: timedelta) -> None:
    batch = decode_batch(document(occurred_at=(START + off).isoformat()))

    with pytest.raises(ContractError, match="clock_skew"):
        check_times(batch, START)
