"""People with a mouse or a trackpad: how they aim, click, scroll, read and type."""

from dataclasses import dataclass, field, replace

import numpy as np

from services.scorer.lab.simulate.fingers import Fingers, draw_fingers, type_text
from services.scorer.lab.simulate.hand import Hand, draw_hand, drift, reach, trace
from services.scorer.lab.simulate.motion import Rng, log_normal
from services.scorer.lab.simulate.page import Goal, Target
from services.scorer.lab.simulate.scrolling import flick, turn_wheel
from services.scorer.lab.simulate.stage import Press, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at a desk.

    Parameters
    ----------
    hand, fingers
        How they move and type.
    trackpad
        Whether they scroll with two fingers instead of a wheel.
    think_ms, think_spread
        Median pause before the next thing, and the spread of its logarithm.
    settle_ms
        Median time between arriving and pressing.
    dwell_ms, dwell_spread
        How long they hold the button.
    slip_px
        How far the pointer slips while the button is down.
    restless
        How often a pause is filled with aimless movement.
    linger
        How often there is a pause at all.
    """

    hand: Hand
    fingers: Fingers
    trackpad: bool
    think_ms: float
    think_spread: float
    settle_ms: float
    dwell_ms: float
    dwell_spread: float
    slip_px: float
    restless: float
    linger: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing the way people do."""
        self._pause(stage)
        match goal.kind:
            case "wander":
                self._wander(stage)
            case "draw":
                self._draw(stage, goal)
            case "read":
                self._rest(stage, log_normal(stage.rng, 3_000, 0.6))
            case "scroll":
                self._scroll(stage, goal.amount)
            case "away":
                stage.leave(log_normal(stage.rng, 8_000, 0.8))
            case "click" | "submit":
                self._click(stage, goal.target)
                if goal.kind == "submit":
                    stage.note("form.submitted")
            case "type":
                self._click(stage, goal.target)
                stage.focus(goal.target.name)
                stage.wait(log_normal(stage.rng, 450, 0.4))  # the hand goes back to the keys
                type_text(stage, self.fingers, goal.amount, goal.target.name)
                stage.change(goal.target.name, "typed", goal.amount)

    def _click(self, stage: Stage, target: Target) -> None:
        rng = stage.rng
        there = bool(stage.presses) and stage.presses[-1].target == target.name
        if rng.random() > (0.7 if there else 0.04):  # else the pointer is there already
            aim = (
                _within(rng, target.x, target.width, stage.page.width),
                _within(rng, target.y, target.height, stage.page.height),
            )
            stage.follow(reach(rng, self.hand, (stage.x, stage.y), aim, max(6.0, min(target.width, target.height))))
        for number in range(2 if rng.random() < 0.05 else 1):
            self._rest(stage, log_normal(rng, self.settle_ms if number == 0 else 95, 0.75 if number == 0 else 0.3))
            self._press(stage, target.name)

    def _draw(self, stage: Stage, goal: Goal) -> None:
        """Draw a loop, with the button down or not."""
        start = stage.now_ms
        stage.follow(trace(stage.rng, self.hand, (stage.x, stage.y), goal.amount, closed=stage.rng.random() < 0.7))
        if stage.rng.random() < 0.5:
            stage.presses.append(Press(start, stage.now_ms, None))

    def _press(self, stage: Stage, name: str) -> None:
        rng = stage.rng
        dwell_ms = log_normal(rng, self.dwell_ms, self.dwell_spread)
        before_ms = stage.now_ms
        if rng.random() < 0.3:
            stage.wait(0.3 * dwell_ms)
            slip = rng.normal(0, self.slip_px, 2)
            stage.follow(
                reach(
                    rng,
                    replace(self.hand, fitts_a_ms=20.0),
                    (stage.x, stage.y),
                    (stage.x + slip[0], stage.y + slip[1]),
                    10,
                )
            )
        stage.now_ms = before_ms
        stage.press(dwell_ms, name)
        if stage.paths and stage.paths[-1].t[-1] > stage.now_ms:
            stage.now_ms = float(stage.paths[-1].t[-1])

    def _wander(self, stage: Stage) -> None:
        rng, page = stage.rng, stage.page
        if rng.random() < 0.4:
            stage.follow(trace(rng, self.hand, (stage.x, stage.y), log_normal(rng, 160, 0.6)))
        for _ in range(int(rng.integers(1, 4))):
            there = (float(rng.uniform(0.05, 0.95) * page.width), float(rng.uniform(0.05, 0.95) * page.height))
            stage.follow(reach(rng, self.hand, (stage.x, stage.y), there, float(rng.uniform(60, 300))))
            if rng.random() < self.linger:  # else the next way begins where this one ends
                self._rest(stage, log_normal(rng, 250, 0.8))

    def _scroll(self, stage: Stage, amount_px: int) -> None:
        if self.trackpad:
            flick(stage, amount_px)
        else:
            turn_wheel(stage, amount_px)

    def _pause(self, stage: Stage) -> None:
        if stage.rng.random() > self.linger:
            return
        self._rest(stage, log_normal(stage.rng, self.think_ms, self.think_spread))
        if stage.rng.random() < self.restless:
            self._wander(stage)

    def _rest(self, stage: Stage, duration_ms: float) -> None:
        ends_ms = stage.now_ms + duration_ms
        moves = drift(stage.rng, self.hand, (stage.x, stage.y), duration_ms)
        if len(moves.t) > 1:
            stage.follow(moves)
        stage.now_ms = max(stage.now_ms, ends_ms)


def _within(rng: Rng, centre: float, size: float, limit: float) -> float:
    """Aim inside a target: near its middle, spread as people's clicks are."""
    return float(np.clip(centre + np.clip(rng.normal(0, 0.17), -0.45, 0.45) * size, 1, limit - 2))


def draw_person(rng: Rng, *, trackpad: bool = False, speed: float = 1.0) -> Person:
    """Draw somebody with a mouse or a trackpad."""
    hand = draw_hand(rng, trackpad=trackpad, speed=speed)
    return Person(
        hand=hand,
        fingers=draw_fingers(rng),
        trackpad=trackpad,
        think_ms=log_normal(rng, 600, 0.5) / speed,
        think_spread=float(rng.uniform(0.6, 1.2)),
        settle_ms=log_normal(rng, 140, 0.4) / speed,
        dwell_ms=log_normal(rng, 90 if not trackpad else 105, 0.25) / speed,
        dwell_spread=float(rng.uniform(0.12, 0.35)),
        slip_px=log_normal(rng, 0.8, 0.5),
        restless=float(rng.beta(1.2, 4)),
        linger=float(rng.uniform(0.5, 1)),
    )


def draw_mouse(rng: Rng) -> Person:
    """Draw somebody with a mouse."""
    return draw_person(rng, speed=float(rng.uniform(0.75, 1.3)))


def draw_trackpad(rng: Rng) -> Person:
    """Draw somebody with a trackpad."""
    return draw_person(rng, trackpad=True, speed=float(rng.uniform(0.75, 1.25)))


def draw_impaired(rng: Rng) -> Person:
    """Draw somebody whose hand trembles or moves slowly: large tremor of 4 to 8 Hz, many corrections, long presses."""
    person = draw_person(rng, speed=float(rng.uniform(0.35, 0.7)))
    hand = replace(
        person.hand,
        tremor_hertz=float(rng.uniform(4, 8)),
        tremor_px=min(10.0, log_normal(rng, 3.0, 0.6)),
        gain_spread=person.hand.gain_spread * 2.5,
        aim_spread=person.hand.aim_spread * 2.5,
        wobble=person.hand.wobble * 1.2,
    )
    return replace(person, hand=hand, slip_px=person.slip_px * 3)
