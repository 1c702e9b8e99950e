"""Fingers: taps and swipes, one finger at a time, whatever is lost on the way."""

import math
from itertools import pairwise

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorEvent, TouchEnd, TouchMove, TouchStart, TouchTrack
from tests.unit.scorer.inputs import at, scored


def features_of(*batches: list[AnyBehaviorEvent]) -> Features:
    state = State()
    for index, events in enumerate(batches):
        batch = scored(f"batch-{index}", events).batch
        assert isinstance(batch, BehaviorBatch)
        state.observe(batch)
    return {name: value for name, value in state.values().items() if name.startswith("touch")}


def tap(ms: float, held_ms: float = 90, drift_px: float = 0, finger: int = 0) -> list[AnyBehaviorEvent]:
    return [
        TouchStart(occurred_at=at(ms), x=200, y=300, touch_id=finger),
        TouchMove(occurred_at=at(ms + held_ms / 2), x=200 + drift_px, y=300, touch_id=finger),
        TouchEnd(occurred_at=at(ms + held_ms), x=200 + drift_px, y=300, touch_id=finger),
    ]


def swipe(ms: float, length_px: float, finger: int = 0, samples: int = 20) -> list[AnyBehaviorEvent]:
    """Swipe up in a slight bow."""
    places = [(200 + 20 * math.sin(3 * i / samples), 900 - length_px * i / samples) for i in range(samples + 1)]
    moves = [
        TouchMove(occurred_at=at(ms + 16 * i), x=x, y=y, touch_id=finger)
        for i, (x, y) in enumerate(places[1:], start=1)
    ]
    start = TouchStart(occurred_at=at(ms), x=places[0][0], y=places[0][1], touch_id=finger)
    end = TouchEnd(occurred_at=at(ms + 16 * samples + 5), x=places[-1][0], y=places[-1][1], touch_id=finger)
    return [start, *moves, end]


def test_taps() -> None:
    features = features_of(tap(0, 50), tap(1_000, 100, drift_px=1.5), tap(2_000, 200, drift_px=3))

    assert (features["touches"], features["touch_taps"]) == (3, 3)
    assert features["touch_tap_ms"] == pytest.approx(100)
    assert features["touch_tap_spread"] == pytest.approx(math.log(2) * math.sqrt(2 / 3))
    assert features["touch_drift_share"] == pytest.approx(2 / 3)


def test_swipes_are_strokes_and_no_taps() -> None:
    features = features_of(swipe(0, 500), swipe(2_000, 650), swipe(4_000, 350))

    assert (features["touch_taps"], features["touch_stroke_strokes"]) == (0, 3)
    assert isinstance(features["touch_stroke_length_spread"], float) and features["touch_stroke_length_spread"] > 0.2
    assert features["touch_fine_windows"] == 3 * 18  # 21 samples each, by windows of four


def test_no_step_leads_from_one_touch_to_the_next() -> None:
    soon = features_of([*swipe(0, 600), *swipe(360, 600)])

    assert soon["touch_fine_sharp_share"] == 0
    assert soon["touch_stroke_strokes"] == 2


def test_a_second_finger_is_passed_over() -> None:
    first, second = swipe(0, 600), swipe(8, 500, finger=1)

    assert features_of([*first, *second])["touch_fine_windows"] == features_of(first)["touch_fine_windows"]


def test_a_finger_whose_end_was_lost() -> None:
    lost = swipe(0, 600)[:-1]

    assert features_of([*lost, *tap(9_000, finger=4)])["touch_taps"] == 1
    assert features_of([*lost, *tap(900)])["touch_taps"] == 1


@pytest.mark.parametrize("places", [(1, 2, 3), (10, 11, 30), (5, 60, 75)])
def test_other_batches_tell_the_same(places: tuple[int, ...]) -> None:
    events = [*swipe(0, 500, samples=70), *tap(2_000), *swipe(3_000, 420)]
    cuts = [0, *places, len(events)]

    assert features_of(*[events[a:b] for a, b in pairwise(cuts)]) == pytest.approx(features_of(events))


def test_a_track_of_a_finger() -> None:
    moves = swipe(0, 600)[1:-1]
    rows = TouchTrack(
        started_at=at(0),
        t=[(move.occurred_at - at(0)).total_seconds() * 1_000 for move in moves],
        x=[move.x for move in moves if isinstance(move, TouchMove)],
        y=[move.y for move in moves if isinstance(move, TouchMove)],
    )
    state = State()
    batch = scored("track", [TouchEnd(occurred_at=at(900), x=0, y=0)], [rows]).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)

    assert state.values()["touch_fine_windows"] == len(moves) - 3


def test_contact_that_never_changes() -> None:
    def pressed(radius: float, pressure: float) -> list[AnyBehaviorEvent]:
        return [
            TouchMove(occurred_at=at(16 * i), x=10 * i, y=5, radius=radius + (radius * i) % 3, pressure=pressure)
            for i in range(12)
        ]

    assert features_of(pressed(10, 0.5))["touch_contact_share"] == 1
    assert features_of(pressed(3, 0.5))["touch_contact_share"] == 0
    assert features_of(pressed(0, 0))["touch_contact_share"] is None
