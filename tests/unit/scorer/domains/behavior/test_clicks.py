"""Clicks: how long, how soon, where, and what came before; fingers and clamped timers aside."""

import math

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorEvent, PointerDown, PointerKind, PointerUp
from tests.unit.scorer.inputs import Point, at, objects, scored


def features_of(*events: AnyBehaviorEvent) -> Features:
    state = State()
    batch = scored("clicks", events).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)
    return state.values()


def click(
    ms: float, x: float = 300, y: float = 200, held_ms: float = 90, pointer: PointerKind = "mouse"
) -> list[AnyBehaviorEvent]:
    return [
        PointerDown(occurred_at=at(ms), x=x, y=y, pointer=pointer),
        PointerUp(occurred_at=at(ms + held_ms), x=x, y=y, pointer=pointer),
    ]


def way(begin_ms: float, x0: float, x1: float, late: float = 1.0) -> list[Point]:
    """Go there in 20 samples; ``late`` above 1 starts slowly, below it ends so."""
    return [(begin_ms + 16 * i, x0 + (x1 - x0) * (i / 19) ** late, 200.0 + i) for i in range(20)]


def test_dwell_is_summed_up_without_drags() -> None:
    drag: list[AnyBehaviorEvent] = [
        PointerDown(occurred_at=at(9_000), x=0, y=0),
        PointerUp(occurred_at=at(9_900), x=300, y=0),
    ]

    features = features_of(*click(0, held_ms=50), *click(1_000, held_ms=100), *click(2_000, held_ms=200), *drag)

    assert features["clicks"] == 4
    assert features["click_dwell_ms"] == pytest.approx(100)
    assert features["click_dwell_spread"] == pytest.approx(math.log(2) * math.sqrt(2 / 3))


def test_presses_no_finger_can_make() -> None:
    assert features_of(*click(0, held_ms=2), *click(10, held_ms=2), *click(35, held_ms=2))["clicks_hasty"] == 2
    assert features_of(*click(0), *click(160))["clicks_hasty"] == 0


def test_presses_of_one_tick_or_sent_twice_are_not_hasty() -> None:
    left, right = (PointerDown(occurred_at=at(100), x=1, y=1, button=button) for button in (0, 2))

    features = features_of(left, right, left)

    assert features["clicks_hasty"] == 0


def test_fingers_do_not_click() -> None:
    assert features_of(*click(0, pointer="touch"), *click(10, pointer="touch"))["clicks"] == 0


def test_the_same_pixel_again_after_being_away() -> None:
    away = objects(way(200, 300, 900)) + objects(way(1_000, 900, 300))
    back = click(2_000), click(2_000, x=304)

    exact, near = (features_of(*click(0), *away, *again) for again in back)

    assert (exact["click_revisits"], exact["click_revisit_same_share"]) == (1, 1)
    assert (near["click_revisits"], near["click_revisit_same_share"]) == (1, 0)


def test_a_double_click_visits_nothing_again() -> None:
    assert features_of(*objects(way(0, 0, 300)), *click(500), *click(650))["click_revisits"] == 0


def test_clicks_before_anything_moved() -> None:
    tour = [event for i in range(5) for event in click(1_000 * i, x=200.0 * i)]

    assert features_of(*tour)["clicks_before_path"] == 4
    assert features_of(*objects(way(-900, 0, 300)), *tour)["clicks_before_path"] == 0


@pytest.mark.parametrize(("late", "sign"), [(0.4, 1), (1.0, 0), (3.0, -1)])
def test_braking_before_a_press(late: float, sign: int) -> None:
    braking = features_of(*objects(way(0, 0, 600, late)), *click(400, x=600))["click_braking"]

    assert isinstance(braking, float)
    assert (braking > 0.15) - (braking < -0.15) == sign


def test_rest_before_presses() -> None:
    events = [e for i in range(4) for e in [*objects(way(2_000 * i, 0, 300)), *click(2_000 * i + 19 * 16 + 150)]]

    features = features_of(*events)

    assert features["click_rest_ms"] == pytest.approx(150)
    assert features["click_rest_spread"] == pytest.approx(0, abs=1e-4)
