"""Who can take part in a session, and how one plays it."""

from typing import Protocol

from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.page import Goal, Page
from services.scorer.lab.simulate.stage import Stage


class Actor(Protocol):
    """A person or a bot, drawn once for a session."""

    @property
    def trusted(self) -> bool:
        """Whether its events are real input to the browser."""
        ...

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing, and take the time it takes."""


def play(rng: Rng, actor: Actor, page: Page) -> Stage:
    """Let an actor do all there is to do on a page."""
    x, y = float(rng.uniform(0, page.width)), float(rng.uniform(0, page.height))
    stage = Stage(rng=rng, page=page, x=x, y=y)
    stage.wait(rng.uniform(50, 1_500))
    for goal in page.goals:
        actor.perform(stage, goal)
    return stage
