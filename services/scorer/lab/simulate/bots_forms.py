"""Bots without a pointer on its way: typists, form fillers, and fingers that no one has."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.bot_keys import Keyer, draw_keyer
from services.scorer.lab.simulate.bot_paths import EASINGS, draw_manner, straight
from services.scorer.lab.simulate.bots import Pace, draw_pace
from services.scorer.lab.simulate.motion import Path, Rng, log_normal
from services.scorer.lab.simulate.page import Goal, Page, Target
from services.scorer.lab.simulate.people_touch import draw_touch_user, moved_to
from services.scorer.lab.simulate.scrolling import scroll_as_script
from services.scorer.lab.simulate.stage import Key, Stage, Stroke


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBot:
    """A script that types into fields through the browser's input.

    Parameters
    ----------
    keyer, think
        How it types, and how long it waits before the next thing.
    by_tab
        Reaches fields by Tab; otherwise it focuses them by program.
    """

    keyer: Keyer
    think: Pace
    by_tab: bool
    trusted: bool = True

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing with made-up keys."""
        stage.wait(self.think.draw(stage.rng))
        match goal.kind:
            case "type" | "click":
                if self.by_tab:
                    self.keyer.press(stage, "tab", None)
                stage.focus(goal.target.name)
                if goal.kind == "click":
                    self.keyer.press(stage, "enter", goal.target.name)
                    return
                self.keyer.type(stage, goal.amount, goal.target.name)
                stage.change(goal.target.name, "typed", goal.amount)
            case "submit":
                self.keyer.press(stage, "enter", goal.target.name)
                stage.note("form.submitted")
            case "scroll":
                scroll_as_script(stage, goal.amount, "steps")
            case "away":
                stage.leave(self.think.draw(stage.rng) * 5)
            case _:
                stage.wait(self.think.draw(stage.rng))


def typing(law: str) -> Callable[[Rng], Actor]:
    """Give a maker of bots that draw their times by one law."""

    def make(rng: Rng) -> Actor:
        return KeyBot(keyer=draw_keyer(rng, law), think=draw_pace(rng, 600), by_tab=bool(rng.random() < 0.5))

    return make


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFiller:
    """A script inside the page: sets values, dispatches events, clicks elements by their handle.

    Parameters
    ----------
    way
        ``set`` puts the value there, ``paste`` says it was pasted, ``keys`` dispatches made-up key events.
    focuses
        Whether it focuses a field first.
    """

    think: Pace
    way: str
    focuses: bool
    key_ms: float
    trusted: bool

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing by program."""
        rng, name = stage.rng, goal.target.name
        stage.wait(self.think.draw(rng))
        match goal.kind:
            case "type":
                if self.focuses:
                    stage.focus(name)
                self._fill(stage, name, goal.amount)
            case "click" | "submit":
                stage.press(0.0, name, (goal.target.x, goal.target.y))
                if goal.kind == "submit":
                    stage.note("form.submitted")
            case "scroll":
                scroll_as_script(stage, goal.amount, "jump")
            case _:
                pass

    def _fill(self, stage: Stage, name: str, length: int) -> None:
        if self.way == "keys":
            for number in range(length):
                stage.keys.append(Key(stage.now_ms + number * self.key_ms, 0.0, "letter", name))
            stage.wait(length * self.key_ms)
        if self.way == "paste":
            stage.note("clipboard.used", action="paste", length=length, target=name)
        stage.change(name, {"set": "script", "paste": "pasted", "keys": "typed"}[self.way], length)


def draw_form_filler(rng: Rng) -> Actor:
    """Draw a form filler."""
    return FormFiller(
        think=draw_pace(rng, log_normal(rng, 60, 1.0)),
        way=str(rng.choice(["set", "paste", "keys"], p=[0.4, 0.2, 0.4])),
        focuses=bool(rng.random() < 0.6),
        key_ms=float(rng.choice([0.0, 1.0, 5.0, 10.0])),
        trusted=bool(rng.random() < 0.3),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchBot:
    """A script with fingers.

    Parameters
    ----------
    swipe
        Makes a swipe of so many pixels, up (negative) or down.
    tap, think
        How long it taps, and waits.
    landing_px
        Spread of taps about the middle of targets.
    """

    swipe: Callable[[Rng, Page, float], Stroke]
    tap: Pace
    think: Pace
    landing_px: float
    keyer: Keyer
    trusted: bool = True

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing with a made-up finger."""
        rng = stage.rng
        stage.wait(self.think.draw(rng))
        match goal.kind:
            case "click" | "submit" | "type":
                self._tap(stage, goal.target)
                if goal.kind == "type":
                    stage.focus(goal.target.name)
                    stage.wait(self.think.draw(rng))
                    self.keyer.type(stage, goal.amount, goal.target.name)
                    stage.change(goal.target.name, "typed", goal.amount)
                if goal.kind == "submit":
                    stage.note("form.submitted")
            case "away":
                stage.leave(self.think.draw(rng) * 5)
            case _:
                self._scroll(stage, goal.amount or 300)

    def _tap(self, stage: Stage, target: Target) -> None:
        x, y = np.array([target.x, target.y]) + stage.rng.normal(0, 1, 2) * self.landing_px
        t = np.array([0.0, max(0.01, self.tap.draw(stage.rng))])
        stage.touch(Stroke(Path(t, np.full(2, x), np.full(2, y)), np.full(2, 0.5), 10.0))

    def _scroll(self, stage: Stage, amount_px: float) -> None:
        length = 0.5 * stage.page.height
        for _ in range(max(1, round(abs(amount_px) / length))):
            begin_ms, stroke = stage.now_ms, self.swipe(stage.rng, stage.page, -float(np.sign(amount_px)) * length)
            stage.touch(stroke)
            ended_ms = stage.now_ms
            stage.now_ms = begin_ms
            rows = np.unique(np.linspace(1, len(stroke.path.t) - 1, max(2, len(stroke.path.t) // 8)).astype(int))
            stage.scroll(stroke.path.t[rows], np.diff(-(stroke.path.y - stroke.path.y[0])[rows], prepend=0.0), "touch")
            stage.now_ms = max(stage.now_ms, ended_ms)
            stage.wait(self.think.draw(stage.rng))


def _straight_swipe(rng: Rng) -> Callable[[Rng, Page, float], Stroke]:
    manner = replace(draw_manner(rng), easing=EASINGS[str(rng.choice(["linear", "out_quad", "in_out_sine"]))])
    duration_ms, at, slant = log_normal(rng, 250, 0.4), rng.uniform(0.4, 0.6), rng.normal(0, 15)

    def swipe(rng: Rng, page: Page, length: float) -> Stroke:
        start = (page.width * at, page.height / 2 - length / 2)
        path = straight(rng, manner, start, (start[0] + slant, start[1] + length), duration_ms)
        return Stroke(path, np.full(len(path.t), 0.5), 10.0)

    return swipe


def _stolen_swipe(rng: Rng) -> Callable[[Rng, Page, float], Stroke]:
    """Replay one or two swipes of a person, a little shaken."""
    stage = Stage(rng=rng, page=Page(390, 844, ()), x=0, y=0)
    person = draw_touch_user(rng)
    while len(stage.strokes) < 2:
        person.perform(stage, Goal("scroll", Target("e", 0, 0, 1, 1), 400))
    stolen = stage.strokes[: int(rng.integers(1, 3))]

    def swipe(rng: Rng, page: Page, length: float) -> Stroke:
        stroke = stolen[int(rng.integers(len(stolen)))]
        path = stroke.path
        t = (path.t - path.t[0]) * rng.uniform(0.97, 1.03)
        up = -1 if (path.y[-1] - path.y[0]) * length < 0 else 1
        begin = (page.width * 0.6 + rng.normal(0, 3), page.height / 2 - length / 2 + rng.normal(0, 3))
        return moved_to(Stroke(Path(t, path.x, path.y * up), stroke.pressure, stroke.radius), *begin)

    return swipe


def _touch_bot(swipes: Callable[[Rng], Callable[[Rng, Page, float], Stroke]], careful: bool) -> Callable[[Rng], Actor]:
    def make(rng: Rng) -> Actor:
        tap = draw_pace(rng, 70) if careful else Pace(law="fixed", ms=float(rng.choice([0.0, 1.0, 50.0])), spread=0.0)
        landing_px = float(rng.uniform(1, 8)) if careful else 0.0
        return TouchBot(
            swipe=swipes(rng), tap=tap, think=draw_pace(rng, 800), landing_px=landing_px, keyer=draw_keyer(rng)
        )

    return make


draw_straight_touch_bot = _touch_bot(_straight_swipe, careful=False)
draw_stolen_touch_bot = _touch_bot(_stolen_swipe, careful=True)
