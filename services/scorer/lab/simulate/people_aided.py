"""People without a mouse in hand, or with help: keyboard, screen reader, password manager, mouse keys."""

from dataclasses import dataclass, field, replace

import numpy as np

from services.scorer.lab.simulate.fingers import Fingers, draw_fingers, type_text
from services.scorer.lab.simulate.motion import Path, Rng, log_normal
from services.scorer.lab.simulate.page import Goal, Target
from services.scorer.lab.simulate.people import Person, draw_mouse, draw_trackpad
from services.scorer.lab.simulate.stage import Key, Stage

_REPEAT_EVERY_MS = 33.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyboardUser:
    """Somebody who reaches everything by Tab, arrows and Enter."""

    fingers: Fingers
    think_ms: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing with keys."""
        rng = stage.rng
        stage.wait(log_normal(rng, self.think_ms, 0.7))
        match goal.kind:
            case "type":
                self._go_to(stage, goal.target)
                stage.wait(log_normal(rng, 400, 0.5))
                type_text(stage, self.fingers, goal.amount, goal.target.name)
                stage.change(goal.target.name, "typed", goal.amount)
            case "click":
                self._go_to(stage, goal.target)
                self._press(stage, "enter" if rng.random() < 0.7 else "space", goal.target.name)
            case "submit":
                self._press(stage, "enter", goal.target.name)
                stage.note("form.submitted")
            case "scroll":
                self._scroll(stage, goal.amount)
            case "away":
                stage.leave(log_normal(rng, 8_000, 0.8))
            case _:
                stage.wait(log_normal(rng, 2_500, 0.6))

    def _go_to(self, stage: Stage, target: Target) -> None:
        for number in range(int(stage.rng.integers(1, 5))):
            stage.wait(log_normal(stage.rng, 1.3 * self.fingers.interval_ms + 60, 0.35) if number else 0.0)
            self._press(stage, "tab", None)
        stage.focus(target.name)

    def _press(self, stage: Stage, key_class: str, target: str | None) -> None:
        dwell_ms = log_normal(stage.rng, self.fingers.dwell_ms, self.fingers.dwell_spread)
        stage.keys.append(Key(stage.now_ms, dwell_ms, key_class, target))

    def _scroll(self, stage: Stage, amount_px: int) -> None:
        rng = stage.rng
        if rng.random() < 0.3:  # an arrow held down: the system repeats it
            count, every = max(2, abs(amount_px) // 40), _REPEAT_EVERY_MS
            times = np.append(0.0, 500 + every * np.arange(count - 1))
            stage.keys += [Key(stage.now_ms + t, every, "arrow", None, repeat=t > 0) for t in times.tolist()]
            stage.scroll(times + 2, np.full(count, 40.0 * np.sign(amount_px)), "keyboard")
            return
        for number in range(max(1, min(30, abs(amount_px) // 40))):
            stage.wait(log_normal(rng, self.fingers.interval_ms + 30, 0.3) if number else 0.0)
            self._press(stage, "arrow", None)
            stage.scroll(np.array([2.0]), np.array([40.0 * np.sign(amount_px)]), "keyboard")


def draw_keyboard_user(rng: Rng) -> KeyboardUser:
    """Draw somebody with a keyboard only."""
    return KeyboardUser(fingers=draw_fingers(rng), think_ms=log_normal(rng, 700, 0.5))


def draw_fast_typist(rng: Rng) -> KeyboardUser:
    """Draw somebody who types 90 to 150 words a minute."""
    return KeyboardUser(fingers=draw_fingers(rng, fast=True), think_ms=log_normal(rng, 450, 0.4))


def draw_slow_typist(rng: Rng) -> KeyboardUser:
    """Draw somebody who looks for every key."""
    return KeyboardUser(fingers=draw_fingers(rng, slow=True), think_ms=log_normal(rng, 1_100, 0.4))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenReaderUser:
    """Somebody who hears the page: jumps from heading to heading, and lets the reader click for them."""

    keyboard: KeyboardUser
    reader_clicks: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing by ear."""
        rng = stage.rng
        for _ in range(int(rng.integers(0, 8))):  # to the next heading, link or line, and listen
            stage.wait(log_normal(rng, 900, 0.9))
            key_class = str(rng.choice(["arrow", "letter", "tab", "navigation"], p=[0.5, 0.2, 0.2, 0.1]))
            stage.keys.append(Key(stage.now_ms, log_normal(rng, self.keyboard.fingers.dwell_ms, 0.2), key_class))
        if goal.kind == "click" and rng.random() < self.reader_clicks:
            stage.wait(log_normal(rng, 500, 0.5))
            stage.focus(goal.target.name)
            # The reader presses and lets go at once, in the middle of the element.
            stage.press(float(rng.uniform(0, 6)), goal.target.name, (goal.target.x, goal.target.y))
            return
        self.keyboard.perform(stage, goal)


def draw_screen_reader_user(rng: Rng) -> ScreenReaderUser:
    """Draw somebody with a screen reader."""
    return ScreenReaderUser(keyboard=draw_keyboard_user(rng), reader_clicks=float(rng.uniform(0.3, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPerson:
    """Somebody at a desk whose password manager fills in or pastes most fields."""

    person: Person
    fills: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing; let the manager do the typing."""
        rng = stage.rng
        if goal.kind != "type" or rng.random() > self.fills:
            self.person.perform(stage, goal)
            return
        self.person.perform(stage, replace(goal, kind="click"))
        stage.focus(goal.target.name)
        stage.wait(log_normal(rng, 700, 0.5))
        if rng.random() < 0.3:
            stage.keys += [Key(stage.now_ms, log_normal(rng, 260, 0.2), "modifier", goal.target.name)]
            stage.wait(log_normal(rng, 90, 0.3))
            stage.keys += [Key(stage.now_ms, log_normal(rng, 80, 0.2), "letter", goal.target.name)]
            stage.note("clipboard.used", action="paste", length=goal.amount, target=goal.target.name)
            stage.change(goal.target.name, "pasted", goal.amount)
            return
        for name in (goal.target.name, f"{goal.target.name}-2")[: int(rng.integers(1, 3))]:
            stage.change(name, "autofilled", goal.amount)
            stage.wait(rng.uniform(1, 30))


def draw_managed_person(rng: Rng) -> ManagedPerson:
    """Draw somebody with a password manager."""
    person = draw_trackpad(rng) if rng.random() < 0.35 else draw_mouse(rng)
    return ManagedPerson(person=person, fills=float(rng.uniform(0.7, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MouseKeysUser:
    """Somebody who moves the pointer with the number pad: one of eight directions at a time, faster the longer."""

    keyboard: KeyboardUser
    top_px_s: float
    grow_ms: float
    step_ms: float
    trusted: bool = field(default=True, init=False)

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing with keys that move the pointer."""
        rng = stage.rng
        if goal.kind not in {"click", "submit", "wander"}:
            self.keyboard.perform(stage, goal)
            return
        stage.wait(log_normal(rng, self.keyboard.think_ms, 0.5))
        tolerance = max(4.0, 0.3 * min(goal.target.width, goal.target.height))
        for _ in range(12):
            dx, dy = goal.target.x - stage.x, goal.target.y - stage.y
            if max(abs(dx), abs(dy)) < tolerance:
                break
            diagonal = min(abs(dx), abs(dy)) > 0.4 * max(abs(dx), abs(dy))
            along = (
                (np.sign(dx), np.sign(dy)) if diagonal else (np.sign(dx), 0) if abs(dx) > abs(dy) else (0, np.sign(dy))
            )
            self._hold(stage, along, (min if diagonal else max)(abs(dx), abs(dy)) * rng.normal(1, 0.08))
            stage.wait(log_normal(rng, 260, 0.4))
        if goal.kind != "wander":
            stage.press(log_normal(rng, 95, 0.25), goal.target.name)
            if goal.kind == "submit":
                stage.note("form.submitted")

    def _hold(self, stage: Stage, along: tuple[float, float], length_px: float) -> None:
        t = np.arange(0, 20_000, self.step_ms)
        way = np.cumsum(self.top_px_s * self.step_ms / 1_000 * np.clip(t / self.grow_ms, 0.08, 1))
        until = max(2, int(np.searchsorted(way, abs(length_px))))
        steps = np.append(0.0, way[: until - 1])  # the system moves the pointer in steps, between which it rests
        t, far = np.repeat(t[:until], 2)[1:], np.repeat(steps, 2)[:-1]
        path = Path(t, stage.x + along[0] * far, stage.y + along[1] * far)
        width, height = stage.page.width - 1, stage.page.height - 1
        stage.follow(Path(path.t, np.clip(path.x, 0, width), np.clip(path.y, 0, height)))


def draw_mouse_keys_user(rng: Rng) -> MouseKeysUser:
    """Draw somebody who uses mouse keys."""
    return MouseKeysUser(
        keyboard=draw_keyboard_user(rng),
        top_px_s=log_normal(rng, 700, 0.4),
        grow_ms=log_normal(rng, 800, 0.4),
        step_ms=float(rng.uniform(10, 40)),
    )
