"""What the behaviour rules make of whole sessions: simple bots are caught, people with other means are not."""

import math
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest

from services.scorer.pipeline import Ruleset, load_ruleset
from shared.contracts.behavior import (
    AnyBehaviorEvent,
    DeviceFingerprint,
    KeyPress,
    PointerDown,
    PointerMove,
    TouchEnd,
    TouchMove,
    TouchStart,
)
from shared.contracts.verdict import Verdict
from shared.topics import Domain
from tests.unit.scorer.inputs import Point, at, fold_all, hand, objects, scored

_LOADED = load_ruleset(Domain.BEHAVIOR)
RULESET = Ruleset(_LOADED.features, _LOADED.rules, _LOADED.version)  # what models think is shown by the evaluation


def verdict_on(events: Iterable[AnyBehaviorEvent]) -> Verdict:
    """Send events in batches of 50, as a client would."""
    sent = list(events)
    items = [scored(f"batch-{start}", sent[start : start + 50]) for start in range(0, len(sent), 50)]
    return fold_all(items, RULESET)[1]


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def lines(corners: list[tuple[float, float]], steps: int) -> list[Point]:
    """Go from corner to corner as automation tools do, slowing down at each end."""
    points = []
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(corners)):
        for step in range(steps):
            part = (1 - math.cos(math.pi * step / steps)) / 2
            t = 16.0 * (index * steps + step)
            points.append((t, float(round(x0 + (x1 - x0) * part)), float(round(y0 + (y1 - y0) * part))))
    return points


def typed(intervals_ms: Iterable[float]) -> list[AnyBehaviorEvent]:
    t, presses = 0.0, []
    for interval_ms in intervals_ms:
        t += interval_ms
        presses.append(KeyPress(occurred_at=at(t), key_class="letter"))
    return list(presses)


def test_straight_lines_are_found() -> None:
    corners = [(100.0, 120.0), (800.0, 330.0), (300.0, 610.0), (1_100.0, 90.0), (420.0, 380.0)]

    assert "POINTER_PATH_STRAIGHT" in codes(verdict_on(objects(lines(corners, steps=24))))


def test_a_walked_circle_is_found() -> None:
    circle = [
        (16.0 * i, float(round(600 + 200 * math.cos(i / 15))), float(round(400 + 200 * math.sin(i / 15))))
        for i in range(200)
    ]

    found = codes(verdict_on(objects(circle)))
    assert found == {"POINTER_STEPS_EVEN", "POINTER_SPEED_EVEN", "POINTER_CURVES_EXACT"}


def test_noise_on_a_path_is_found() -> None:
    noise = random.Random(7)
    noisy = [(t, x + noise.choice((-9, 0, 9)), y + noise.choice((-9, 0, 9))) for t, x, y in hand(200)]

    assert "POINTER_REVERSALS" in codes(verdict_on(objects(noisy)))


def test_a_mouse_that_jumps_is_found() -> None:
    events: list[AnyBehaviorEvent] = []
    for index in range(8):
        x, y = 100.0 + 170 * (index % 4), 90.0 + 130 * (index % 3)
        events.append(PointerMove(occurred_at=at(900 * index), x=x, y=y, pointer="mouse"))
        events.append(PointerDown(occurred_at=at(900 * index + 5), x=x, y=y, pointer="mouse"))

    verdict = verdict_on(events)

    assert codes(verdict) == {"POINTER_JUMPS", "POINTER_LEAPS"}
    assert verdict.action == "CHALLENGE"


def test_a_program_that_types_is_found() -> None:
    assert codes(verdict_on(typed([100.0] * 60))) == {"KEY_INTERVALS_EVEN", "KEY_INTERVALS_NARROW"}
    assert codes(verdict_on(typed([5.0, 9.0, 2.0] * 30))) == {"KEY_INTERVALS_SHORT", "KEY_INTERVALS_INSTANT"}


@pytest.mark.parametrize(
    ("fingerprint", "action"),
    [
        (DeviceFingerprint(occurred_at=at(0), webdriver=True), "REVIEW"),
        (DeviceFingerprint(occurred_at=at(0), webdriver=True, automation_flags=["cdc"]), "BLOCK"),
        (DeviceFingerprint(occurred_at=at(0), webdriver=False, automation_flags=[]), "ALLOW"),
        (DeviceFingerprint(occurred_at=at(0)), "ALLOW"),
    ],
)
def test_what_the_browser_admits_weighs_most(fingerprint: DeviceFingerprint, action: str) -> None:
    assert verdict_on([fingerprint]).action == action


def test_scripted_events_are_found() -> None:
    scripted = [PointerMove(occurred_at=at(t), x=x, y=y, trusted=False) for t, x, y in hand(60)]

    assert verdict_on(scripted).action == "CHALLENGE"


@pytest.mark.parametrize("clamp_ms", [0.1, 1.0, 1_000 / 60, 100.0])
def test_clamped_timers_are_no_evidence(clamp_ms: float) -> None:
    """Privacy browsers round times; several samples may then share one."""
    jitter = random.Random(1)
    clamped = [
        (math.floor((t + jitter.uniform(0, 3)) / clamp_ms) * clamp_ms, x, y) for t, x, y in hand(400, step_ms=8.0)
    ]

    verdict = verdict_on(objects(clamped))

    assert codes(verdict) == set()


@pytest.mark.parametrize("step_ms", [8.0, 1_000 / 60])
@pytest.mark.parametrize("trembling_hz", [4.0, 6.0, 7.5])
@pytest.mark.parametrize("tremor_px", [4.0, 15.0])
def test_a_trembling_hand_is_no_evidence(step_ms: float, trembling_hz: float, tremor_px: float) -> None:
    points = hand(600, step_ms, trembling_hz, tremor_px)

    assert codes(verdict_on(objects(points))) == set()


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_mouse_keys_are_no_evidence(direction: tuple[int, int]) -> None:
    """They move at one speed, straight along one of eight directions."""
    dx, dy = direction
    points = [(20.0 * index, 500.0 + 8 * index * dx, 500.0 + 8 * index * dy) for index in range(150)]

    assert codes(verdict_on(objects(points))) == set()


def test_who_has_only_a_keyboard_is_let_pass() -> None:
    rhythm = random.Random(3)

    verdict = verdict_on(typed(rhythm.lognormvariate(5.0, 0.5) for _ in range(200)))

    assert (verdict.action, codes(verdict)) == ("ALLOW", set())


def test_who_has_only_fingers_is_let_pass() -> None:
    events: list[AnyBehaviorEvent] = []
    thumb = random.Random(4)
    for gesture in range(12):
        start = 1_500 * gesture
        x, y, pull = 100.0 + 90 * (gesture % 5), 200.0 + 110 * (gesture % 4), 9.0 + gesture % 7
        bow, pace = thumb.uniform(2, 6), thumb.uniform(0.5, 1.5)  # it turns about its joint, each time in another way
        events.append(TouchStart(occurred_at=at(start), x=x, y=y))
        for i in range(1, 8):
            along = (i / 7) ** pace
            place = {"x": x + bow * math.sin(math.pi * along), "y": y + 7 * pull * along}
            events.append(TouchMove(occurred_at=at(start + 16 * i), **place))
        events.append(TouchEnd(occurred_at=at(start + 130), x=x, y=y + 7 * pull))
        events.append(PointerDown(occurred_at=at(start), x=x, y=y, pointer="touch"))

    verdict = verdict_on(events)

    assert (verdict.action, codes(verdict)) == ("ALLOW", set())


def test_fingers_that_browsers_call_a_mouse_too_are_no_evidence() -> None:
    """After a tap, pages hear of a mouse that moved there and clicked."""
    events: list[AnyBehaviorEvent] = []
    for tap in range(12):
        t, x, y = 1_500.0 * tap, 40.0 + 90 * (tap % 4), 100.0 + 130 * (tap % 5)
        events += [TouchStart(occurred_at=at(t), x=x, y=y), TouchEnd(occurred_at=at(t + 80 + tap), x=x, y=y)]
        events += [PointerMove(occurred_at=at(t + 95), x=x, y=y), PointerDown(occurred_at=at(t + 96), x=x, y=y)]

    verdict = verdict_on(events)

    assert (verdict.action, codes(verdict)) == ("ALLOW", set())
