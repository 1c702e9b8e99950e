"""Features do not depend on how a session was sent: as objects or tracks, in what batches, in what order."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorEvent, DeviceFingerprint, KeyPress, KeyTrack, PointerDown, PointerMove
from tests.unit.scorer.inputs import Point, at, hand, objects, scored, track


def _paths_apart(least_ms: int) -> st.SearchStrategy[list[Point]]:
    steps = st.tuples(st.integers(least_ms, 60), st.integers(-80, 80), st.integers(-80, 80))
    return st.lists(steps, min_size=2, max_size=60).map(_walk)


def _walk(steps: Sequence[tuple[int, int, int]]) -> list[Point]:
    t, x, y = 0.0, 500.0, 500.0
    points = [(t, x, y)]
    for dt, dx, dy in steps:
        t, x, y = t + dt, x + dx, y + dy
        points.append((t, x, y))
    return points


_paths = _paths_apart(1)


def clicks(points: Sequence[Point], every: int = 7) -> list[AnyBehaviorEvent]:
    return [PointerDown(occurred_at=at(t + 0.5), x=x, y=y, pointer="mouse") for t, x, y in points[::every]]


def features_of(*batches: list[AnyBehaviorEvent]) -> Features:
    state = State()
    for index, events in enumerate(batches):
        batch = scored(f"batch-{index}", events).batch
        assert isinstance(batch, BehaviorBatch)
        state.observe(batch)
    return state.values()


def cut(events: list[AnyBehaviorEvent], places: list[int]) -> list[list[AnyBehaviorEvent]]:
    bounds = [0, *sorted(place % (len(events) + 1) for place in places), len(events)]
    return [events[start:end] for start, end in pairwise(bounds)]


@given(_paths)
def test_objects_and_tracks_tell_the_same(points: list[Point]) -> None:
    state = State()
    batch = scored("tracks", clicks(points), [track(points)]).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)

    assert state.values() == features_of([*objects(points), *clicks(points)])


@given(_paths_apart(0), st.lists(st.integers(0, 100), max_size=6))
@example([(0, 0, 0), (16, 9, 4), (32, 9, 4), (32, 30, 9), (48, 50, 20)], [6])  # no news, then two of one time
def test_other_batch_sizes_tell_the_same(points: list[Point], places: list[int]) -> None:
    keys: list[AnyBehaviorEvent] = [KeyPress(occurred_at=at(t + 0.25), key_class="letter") for t, _, _ in points]
    events = sorted([*objects(points), *clicks(points), *keys], key=lambda event: event.occurred_at)

    assert features_of(*cut(events, places)) == pytest.approx(features_of(events))


@given(_paths, st.randoms(use_true_random=False))
def test_the_order_within_a_batch_does_not_matter(points: list[Point], shuffler: random.Random) -> None:
    events = [*objects(points), *clicks(points)]
    shuffled = list(events)
    shuffler.shuffle(shuffled)

    assert features_of(shuffled) == features_of(events)


def _without_counts(features: Features) -> Features:
    """Leave out how many events there were of which kind: a copy is one, too."""
    return {name: value for name, value in features.items() if not name.startswith("mix_")}


def test_samples_without_news_change_nothing() -> None:
    points = hand(120)
    with_copies = [copy for t, x, y in points for copy in ((t, x, y), (t, x + 40, y), (t + 7, x, y))]

    assert _without_counts(features_of(objects(with_copies))) == _without_counts(features_of(objects(points)))


def test_a_late_batch_joins_no_path() -> None:
    """Its samples count, but no step leads from the newest sample back to it."""
    points = hand(120)
    early, late = objects(points[:60]), objects(points[60:])

    backwards, forwards = features_of(late, early), features_of(early, late)

    assert backwards["pointer_moves"] == forwards["pointer_moves"]
    assert backwards["pointer_turns"] == features_of(early)["pointer_turns"] + features_of(late)["pointer_turns"]  # type: ignore[operator]


@pytest.mark.parametrize("coordinate", [-1e6, 1e6])
def test_the_far_ends_of_the_contract_are_counted_like_any(coordinate: float) -> None:
    points = [(16.0 * index, coordinate * (index % 2), coordinate * (index % 3)) for index in range(60)]

    features = features_of([*objects(points), *clicks(points)])

    assert all(value is None or math.isfinite(value) for value in features.values())
    assert features["pointer_moves"] == 60


def test_fingers_are_no_part_of_the_path() -> None:
    touches: list[AnyBehaviorEvent] = [
        PointerMove(occurred_at=at(t), x=x, y=y, pointer="touch") for t, x, y in hand(60)
    ]
    taps: list[AnyBehaviorEvent] = [
        PointerDown(occurred_at=at(1_000 * index), x=500.0 * (index % 2), y=0, pointer="touch") for index in range(20)
    ]

    features = features_of(touches, taps)

    assert (features["pointer_moves"], features["pointer_far_clicks"]) == (0, 0)


def test_typing_is_measured_without_pauses_and_repeats() -> None:
    presses = [0.0, 100.0, 300.0, 5_300.0, 5_400.0]
    held = [KeyPress(occurred_at=at(5_400 + 30 * index), key_class="arrow", repeat=True) for index in range(1, 50)]

    features = features_of([KeyPress(occurred_at=at(t), key_class="letter") for t in presses], list(held))

    assert features["key_intervals"] == 3  # 100, 200 and 100 ms
    assert features["key_interval_mean_ms"] == pytest.approx(400 / 3)
    assert features["key_interval_cv"] == pytest.approx((2 / 9) ** 0.5 * 100 / (400 / 3))


def test_key_tracks_tell_what_objects_tell() -> None:
    times = [0.0, 120.0, 250.0, 420.0, 430.0, 900.0]
    keys = KeyTrack(started_at=at(0), t=times, key_class=["letter"] * 6, dwell_ms=[None] * 6)
    state = State()
    batch = scored("keys", tracks=[keys]).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)

    assert state.values() == features_of([KeyPress(occurred_at=at(t), key_class="letter") for t in times])


def test_a_flag_once_shown_stays() -> None:
    shown = DeviceFingerprint(occurred_at=at(0), webdriver=True, automation_flags=["cdc"])
    hidden = DeviceFingerprint(occurred_at=at(1), webdriver=False, automation_flags=[])
    silent = DeviceFingerprint(occurred_at=at(2))

    features = features_of([shown], [hidden], [silent])

    assert (features["webdriver"], features["automation_flag_count"]) == (True, 1)


def test_only_input_events_count_as_untrusted() -> None:
    moves: list[AnyBehaviorEvent] = [PointerMove(occurred_at=at(t), x=x, y=y, trusted=t >= 48) for t, x, y in hand(12)]
    told_by_none: list[AnyBehaviorEvent] = [KeyPress(occurred_at=at(0), key_class="tab")]
    fingerprint = DeviceFingerprint(occurred_at=at(0), trusted=False)

    features = features_of([*moves, *told_by_none, fingerprint])

    assert (features["trust_told"], features["untrusted_share"]) == (12, 0.25)
