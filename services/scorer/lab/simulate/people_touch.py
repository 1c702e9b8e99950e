"""People with a touch screen: taps that roll a little, thumbs that swing in arcs and leave the glass at speed."""

from dataclasses import dataclass, field, replace

import numpy as np

from services.scorer.lab.simulate.fingers import Fingers, draw_fingers, type_text
from services.scorer.lab.simulate.motion import Array, Path, Rng, clock, log_normal, shifted, smooth_noise
from services.scorer.lab.simulate.page import Goal, Target
from services.scorer.lab.simulate.scrolling import run_out
from services.scorer.lab.simulate.stage import Stage, Stroke


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchUser:
    """Somebody with a phone.

    Parameters
    ----------
    tap_ms, tap_spread, roll_px
        How long a tap lasts, the spread of its logarithm, and how far the finger rolls meanwhile.
    swipe_px, swipe_ms, bend
        Length and duration of a swipe, and by how many radians it turns on its way.
    miss_px
        Spread of taps about what they aim at.
    radius_px, force
        Size of the contact, and how hard it presses.
    fingers
        How they type on the glass.
    soft_keys
        Whether their keyboard hides classes and times.
    presses_per_key
        How many characters such a keyboard tells of: it completes words, or is swiped over.
    """

    tap_ms: float
    tap_spread: float
    roll_px: float
    swipe_px: float
    swipe_ms: float
    bend: float
    miss_px: float
    radius_px: float
    force: float
    think_ms: float
    fingers: Fingers
    soft_keys: bool
    presses_per_key: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing with a finger."""
        rng = stage.rng
        stage.wait(log_normal(rng, self.think_ms, 0.7))
        match goal.kind:
            case "click" | "submit":
                self._tap(stage, goal.target)
                if goal.kind == "submit":
                    stage.note("form.submitted")
            case "type":
                self._tap(stage, goal.target)
                stage.focus(goal.target.name)
                stage.wait(log_normal(rng, 800, 0.4))
                self._type(stage, goal)
                stage.change(goal.target.name, "typed", goal.amount)
            case "away":
                stage.leave(log_normal(rng, 8_000, 0.8))
            case _:
                self._swipe(stage, goal.amount or float(rng.choice([-1, 1])) * 300.0)

    def _type(self, stage: Stage, goal: Goal) -> None:
        """Type on the glass; many such keyboards tell neither which key it was nor how long it was held."""
        first = len(stage.keys)
        type_text(stage, self.fingers, goal.amount, goal.target.name)
        if self.soft_keys:
            rng, kept = stage.rng, self.presses_per_key
            shown = [key for key in stage.keys[first:] if rng.random() < kept]
            stage.keys[first:] = [replace(key, key_class="other", dwell_ms=rng.uniform(0, 8)) for key in shown]

    def _tap(self, stage: Stage, target: Target) -> None:
        rng = stage.rng
        x, y = target.x + rng.normal(0, self.miss_px), target.y + rng.normal(0, self.miss_px)
        t = clock(log_normal(rng, self.tap_ms, self.tap_spread))
        roll = rng.normal(0, self.roll_px, 2)
        share = (t / t[-1]) ** 2
        stage.touch(
            Stroke(Path(t, x + roll[0] * share, y + roll[1] * share), self._pressure(rng, t), self._radius(rng))
        )

    def _swipe(self, stage: Stage, amount_px: float) -> None:
        """Scroll by swipes; the page follows the finger, then runs on and out."""
        rng, left, up = stage.rng, abs(amount_px), -float(np.sign(amount_px))
        while left > 30:
            t = clock(log_normal(rng, self.swipe_ms, 0.25))
            cut = rng.uniform(0.55, 0.95)  # the finger leaves before it has braked
            share = np.clip(t / t[-1], 0, 1) * cut
            done = share**3 * (10 - 15 * share + 6 * share**2)
            length = min(log_normal(rng, self.swipe_px, 0.25), 0.6 * stage.page.height)
            step = np.diff(done / done[-1]) * length * np.maximum(0, 1 + 0.08 * smooth_noise(rng, len(t) - 1, 30))
            heading = np.pi / 2 * up + rng.normal(0, 0.12) + self.bend * (0.5 - done[1:] / done[-1])
            heading = heading + 0.05 * smooth_noise(rng, len(t) - 1, 30)
            x0 = float(rng.uniform(0.45, 0.8) * stage.page.width)
            y0 = float((0.5 - 0.25 * up + rng.normal(0, 0.05)) * stage.page.height)
            x = x0 + np.append(0, np.cumsum(step * np.cos(heading)))
            y = y0 + np.append(0, np.cumsum(step * np.sin(heading)))
            begin_ms, speed = stage.now_ms, float(step[-15:].mean())
            stage.touch(Stroke(Path(t, x, y), self._pressure(rng, t), self._radius(rng)))
            ended_ms = stage.now_ms
            stage.now_ms = begin_ms
            rows = np.arange(8, len(t), 8)
            moved = np.diff(-(y - y[0])[rows], prepend=0.0)
            far = run_out(stage, t[rows], moved, -up * speed, "touch")
            stage.now_ms = max(ended_ms, ended_ms + (stage.now_ms - ended_ms) * rng.uniform(0.3, 1))
            left -= max(60.0, far)
            stage.wait(log_normal(rng, 350, 0.6))

    def _pressure(self, rng: Rng, t: Array) -> Array:
        hump = np.sin(np.pi * np.clip(0.1 + 0.8 * t / max(1.0, t[-1]), 0, 1)) ** 0.5
        force: Array = np.clip(self.force * hump * (1 + 0.08 * smooth_noise(rng, len(t), 25)), 0.01, 1)
        return force

    def _radius(self, rng: Rng) -> float:
        return log_normal(rng, self.radius_px, 0.12)


def draw_touch_user(rng: Rng) -> TouchUser:
    """Draw somebody with a phone or tablet."""
    return TouchUser(
        tap_ms=log_normal(rng, 85, 0.25),
        tap_spread=float(rng.uniform(0.15, 0.35)),
        roll_px=log_normal(rng, 1.2, 0.5),
        swipe_px=log_normal(rng, 230, 0.3),
        swipe_ms=log_normal(rng, 190, 0.3),
        bend=float(rng.normal(0, 0.35)),
        miss_px=log_normal(rng, 6, 0.3),
        radius_px=log_normal(rng, 14, 0.25),
        force=float(rng.uniform(0.15, 0.6)),
        think_ms=log_normal(rng, 900, 0.5),
        fingers=draw_fingers(rng),
        soft_keys=bool(rng.random() < 0.5),
        presses_per_key=1.0 if rng.random() < 0.5 else float(rng.uniform(0.3, 0.9)),
    )


def moved_to(stroke: Stroke, x: float, y: float) -> Stroke:
    """Put the same stroke somewhere else."""
    path = shifted(stroke.path, 0.0)
    return Stroke(Path(path.t, path.x - path.x[0] + x, path.y - path.y[0] + y), stroke.pressure, stroke.radius)
