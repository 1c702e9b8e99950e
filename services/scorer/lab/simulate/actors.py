"""Who can take part in a session, and how one plays it."""

from typing import Protocol

from services.scorer.lab.simulate.page import Goal
from services.scorer.lab.simulate.stage import Stage


class Actor(Protocol):
    """A person or a bot, drawn once for a session."""

    @property
    def trusted(self) -> bool:
        """Whether its events are real input to the browser."""
        ...

    def perform(self, stage: Stage, goal: Goal) -> None:
        """Do one thing, and take the time it takes."""


def play(stage: Stage, actor: Actor) -> None:
    """Let an actor do all there is to do on a page."""
    for goal in stage.page.goals:
        actor.perform(stage, goal)
