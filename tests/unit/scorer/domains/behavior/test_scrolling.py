"""Scrolling: loops are even in step and time at once; wheels, animations and keys are not held against anyone."""

import pytest

from services.scorer.domains.behavior.features import State
from services.scorer.features import Features
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import Scroll, ScrollTrack
from tests.unit.scorer.inputs import at, scored


def features_of(*offsets: tuple[float, float], source: str | None = None) -> Features:
    state = State()
    scrolls = [Scroll(occurred_at=at(ms), y=y, source=source) for ms, y in offsets]  # type: ignore[arg-type]
    batch = scored("scrolls", scrolls).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)
    return state.values()


def test_a_loop_is_even() -> None:
    features = features_of(*[(200.0 * i, 300.0 * i) for i in range(20)])

    assert (features["scrolls"], features["scroll_even_share"], features["scroll_slow_share"]) == (19, 1, 1)
    assert features["scroll_step_spread"] == features["scroll_interval_spread"] == 0


def test_a_wheel_is_even_in_steps_only() -> None:
    times = [0, 90, 230, 300, 440, 520, 700, 790]

    features = features_of(*[(float(ms), 100.0 * i) for i, ms in enumerate(times)], source="wheel")

    assert features["scroll_step_spread"] == 0
    assert features["scroll_even_share"] == 0


def test_an_animation_is_not_slow() -> None:
    assert features_of(*[(16.7 * i, 12.0 * i) for i in range(60)])["scroll_slow_share"] == 0


@pytest.mark.parametrize(("source", "jumps"), [("wheel", 2), (None, 2), ("keyboard", 0), ("scrollbar", 0)])
def test_jumps_by_hand_only(source: str | None, jumps: int) -> None:
    features = features_of((0.0, 0.0), (900.0, 9_000.0), (4_000.0, 100.0), source=source)

    assert features["scroll_jumps"] == (jumps or None)


def test_a_clamped_tick_is_one_step() -> None:
    clamped = features_of((0.0, 0.0), (100.0, 100.0), (100.0, 200.0), (200.0, 300.0))

    assert clamped["scrolls"] == 2


def test_going_back_and_fading() -> None:
    features = features_of((0.0, 0.0), (50.0, 100.0), (100.0, 160.0), (150.0, 190.0), (400.0, 150.0))

    assert features["scroll_turn_share"] == pytest.approx(1 / 3)
    assert features["scroll_fading_share"] == pytest.approx(2 / 3)


def test_tracks_tell_what_objects_tell() -> None:
    offsets = [(0.0, 0.0), (50.0, 100.0), (130.0, 160.0), (150.0, 190.0)]
    state = State()
    rows = ScrollTrack(started_at=at(0), t=[ms for ms, _ in offsets], y=[y for _, y in offsets])
    batch = scored("track", tracks=[rows]).batch
    assert isinstance(batch, BehaviorBatch)
    state.observe(batch)

    told = state.values()

    assert {name: told[name] for name in told if name.startswith("scroll")} == {
        name: value for name, value in features_of(*offsets).items() if name.startswith("scroll")
    }
