"""Bots with a pointer: a way to make paths, and an author's choices about the rest."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from services.scorer.lab.simulate import bot_paths, bot_replay
from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.bot_keys import Keyer, draw_keyer
from services.scorer.lab.simulate.bot_paths import Manner, Mover, Place, draw_duration_ms, draw_manner
from services.scorer.lab.simulate.bot_replay import Loot, draw_loot
from services.scorer.lab.simulate.motion import Path, Rng, log_normal
from services.scorer.lab.simulate.page import Goal, Target
from services.scorer.lab.simulate.people import draw_person
from services.scorer.lab.simulate.scrolling import flick, scroll_as_script, turn_wheel
from services.scorer.lab.simulate.stage import Press, Stage

Move = Callable[[Rng, Stage, Place, float], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A time as scripts wait: always the same, anything in a range, or drawn like a person's."""

    law: str
    ms: float
    spread: float

    def draw(self, rng: Rng) -> float:
        """Draw one wait, ms."""
        match self.law:
            case "fixed":
                return self.ms
            case "range":
                return float(self.ms * rng.uniform(1 - self.spread, 1 + self.spread))
            case _:
                return log_normal(rng, self.ms, self.spread)


def draw_pace(rng: Rng, median_ms: float) -> Pace:
    """Draw how a script waits."""
    law = str(rng.choice(["fixed", "range", "human"], p=[0.3, 0.35, 0.35]))
    return Pace(law=law, ms=log_normal(rng, median_ms, 0.4), spread=float(rng.uniform(0.2, 0.7)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerBot:
    """A script that moves the pointer, clicks, and does the rest somehow.

    Parameters
    ----------
    move
        Makes the path to a place.
    think, settle, dwell
        Waits before the next thing, before a click, and while the button is down.
    landing
        Where in a target it clicks: ``centre``, ``near`` it or ``anywhere``.
    keyer
        How it types.
    scrolls
        How it scrolls; ``human`` as people do.
    """

    move: Move
    think: Pace
    settle: Pace
    dwell: Pace
    landing: str
    keyer: Keyer
    scrolls: str
    trusted: bool = True

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing by program."""
        stage.wait(self.think.draw(stage.rng))
        match goal.kind:
            case "read":
                stage.wait(self.think.draw(stage.rng) * 3)
            case "wander":
                for _ in range(int(stage.rng.integers(1, 3))):
                    self._go(stage, self._land(stage, goal.target), 100)
                    stage.wait(self.settle.draw(stage.rng))
            case "draw":
                self._draw(stage, goal)
            case "scroll":
                self._scroll(stage, goal.amount)
            case "away":
                stage.leave(self.think.draw(stage.rng) * 5)
            case _:
                self._click(stage, goal.target)
                if goal.kind == "type":
                    stage.focus(goal.target.name)
                    stage.wait(self.settle.draw(stage.rng))
                    self.keyer.type(stage, goal.amount, goal.target.name)
                    stage.change(goal.target.name, "typed", goal.amount)
                if goal.kind == "submit":
                    stage.note("form.submitted")

    def _draw(self, stage: Stage, goal: Goal) -> None:
        """Draw a loop from corner to corner, with the button down or not."""
        rng, start = stage.rng, stage.now_ms
        angles = np.linspace(0, 2 * np.pi, int(rng.integers(3, 20))) * rng.choice([-1, 1]) + rng.uniform(0, 2 * np.pi)
        corners = np.exp(1j * angles) * goal.amount / 2 * (1 + rng.normal(0, 0.05, len(angles)))
        for corner in corners[1:] - corners[0] + complex(stage.x, stage.y):
            self._go(stage, (float(corner.real), float(corner.imag)), 60)
        if rng.random() < 0.5:
            stage.presses.append(Press(start, stage.now_ms, None))

    def _click(self, stage: Stage, target: Target) -> None:
        self._go(stage, self._land(stage, target), min(target.width, target.height))
        stage.wait(self.settle.draw(stage.rng))
        stage.press(self.dwell.draw(stage.rng), target.name)

    def _go(self, stage: Stage, end: Place, width_px: float) -> None:
        if abs(end[0] - stage.x) + abs(end[1] - stage.y) >= 2:
            stage.follow(self.move(stage.rng, stage, end, width_px))

    def _land(self, stage: Stage, target: Target) -> Place:
        rng, page = stage.rng, stage.page
        spread = {"centre": 0.0, "near": 0.15, "anywhere": 0.28}[self.landing]
        offset = np.clip(
            rng.normal(0, spread, 2) if self.landing == "near" else rng.uniform(-1.7, 1.7, 2) * spread, -0.48, 0.48
        )
        x, y = target.x + offset[0] * target.width, target.y + offset[1] * target.height
        return float(np.clip(x, 1, page.width - 2)), float(np.clip(y, 1, page.height - 2))

    def _scroll(self, stage: Stage, amount_px: int) -> None:
        if self.scrolls == "wheel":
            turn_wheel(stage, amount_px)
        elif self.scrolls == "flick":
            flick(stage, amount_px)
        else:
            scroll_as_script(stage, amount_px, self.scrolls)


def pointer_bot(rng: Rng, move: Move, *, think_ms: float = 600) -> PointerBot:
    """Draw all choices beside the paths."""
    return PointerBot(
        move=move,
        think=draw_pace(rng, think_ms),
        settle=draw_pace(rng, 110),
        dwell=Pace(law="fixed", ms=0.0, spread=0.0) if rng.random() < 0.2 else draw_pace(rng, 80),
        landing=str(rng.choice(["centre", "near", "anywhere"])),
        keyer=draw_keyer(rng),
        scrolls=str(rng.choice(["jump", "far", "steps", "wheel", "flick"], p=[0.2, 0.1, 0.3, 0.25, 0.15])),
    )


def made_up(mover: Mover, think_ms: float = 600) -> Callable[[Rng], Actor]:
    """Give a maker of bots whose paths come from one recipe."""

    def make(rng: Rng) -> Actor:
        manner = draw_manner(rng)
        law, base_ms = str(rng.choice(["fixed", "spread", "speed", "fitts"])), log_normal(rng, 500, 0.5)

        def move(rng: Rng, stage: Stage, end: Place, width_px: float) -> Path:
            length_px = float(np.hypot(end[0] - stage.x, end[1] - stage.y))
            duration_ms = draw_duration_ms(rng, law, base_ms, length_px, width_px)
            return mover(rng, manner, (stage.x, stage.y), end, duration_ms)

        return pointer_bot(rng, move, think_ms=think_ms)

    return make


def replaying(way: Callable[[Rng, Loot, Place, Place, float], Path]) -> Callable[[Rng], Actor]:
    """Give a maker of bots that turn and stretch stolen movements."""

    def make(rng: Rng) -> Actor:
        loot, speed = draw_loot(rng), float(rng.uniform(0.8, 1.3))

        def move(rng: Rng, stage: Stage, end: Place, width_px: float) -> Path:
            return way(rng, loot, (stage.x, stage.y), end, speed)

        return pointer_bot(rng, move)

    return make


def draw_jitter_bot(rng: Rng) -> Actor:
    """Draw a bot that replays movements where the pointer is, a little shaken."""
    loot, manner = draw_loot(rng), draw_manner(rng)

    def move(rng: Rng, stage: Stage, end: Place, width_px: float) -> Path:
        return bot_replay.jittered(rng, loot, manner, (stage.x, stage.y), (stage.page.width, stage.page.height))

    return pointer_bot(rng, move)


def draw_agent(rng: Rng) -> Actor:
    """Draw an agent that looks at a picture of the page for seconds, then clicks at once where it wants to.

    Half of them put text in at once, without keys.
    """

    def move(rng: Rng, stage: Stage, end: Place, width_px: float) -> Path:
        return bot_paths.teleport(rng, draw_manner(rng), (stage.x, stage.y), end, 0.0)

    agent = pointer_bot(rng, move, think_ms=4_000)
    return replace(agent, keyer=replace(agent.keyer, law="inserted")) if rng.random() < 0.5 else agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Hybrid:
    """A person who hands over to a script after some time."""

    person: Actor
    script: Actor
    after: int
    done: list[int]
    trusted: bool = True

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Let whoever is in charge do it."""
        self.done.append(1)
        (self.person if len(self.done) <= self.after else self.script).perform(stage, goal)


def draw_hybrid(rng: Rng) -> Actor:
    """Draw a person who passes the first checks by hand and lets a script do the rest."""
    movers = (bot_paths.bezier, bot_paths.straight, bot_paths.minimum_jerk, bot_paths.wind)
    script = made_up(movers[int(rng.integers(len(movers)))])(rng)
    return Hybrid(person=draw_person(rng), script=script, after=int(rng.integers(1, 3)), done=[])


__all__ = ["Manner", "draw_agent", "draw_hybrid", "draw_jitter_bot", "made_up", "replaying"]
