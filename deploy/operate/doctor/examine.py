"""Ask one stage after another and keep what each answered. Knows nothing of the stages themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

_Subject = TypeVar("_Subject")


class State(StrEnum):
    """How a stage is."""

    OK = "ok"
    SLOW = "slow"
    BROKEN = "broken"
    SKIPPED = "skipped"


class Broken(Exception):
    """A stage answered, and the answer is wrong. Tell the operator.

    Parameters
    ----------
    answered
        What was answered; never a secret.
    next_command
        What to run next; empty leaves it to the stage.
    """

    def __init__(self, answered: str, next_command: str = "") -> None:
        super().__init__(answered)
        self.answered = answered
        self.next_command = next_command


@dataclass(frozen=True, slots=True)
class Stage(Generic[_Subject]):
    """One step of the path.

    Parameters
    ----------
    name
        Short name.
    asks
        What is asked, for the evidence.
    ask
        Asks it; gives what was answered, or raises anything when that is not well.
    hint
        Command to run when it is broken and nothing better is known.
    needs
        Stages without which asking tells nothing.
    part
        The supervised program behind it, whose port and process tell more.
    slow_s
        Longer than this is slow.
    timeout_s
        Longer than this is no answer.
    without
        What the system does without it; such a stage degrades the path and does not break it.
    """

    name: str
    asks: str
    ask: Callable[[_Subject], Awaitable[str]]
    hint: str
    needs: tuple[str, ...] = ()
    part: str = ""
    slow_s: float = 0.5
    timeout_s: float = 2.0
    without: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stage answered, in how many milliseconds, and what to run next when it is broken."""

    name: str
    state: State
    took_ms: float
    asked: str
    answered: str
    next_command: str = ""
    without: str = ""


Explain = Callable[[str], Awaitable[tuple[str, str]]]


async def examine(
    stages: Sequence[Stage[_Subject]],
    subject: _Subject,
    explain: Explain,
    *,
    budget_s: float,
    heard: Callable[[Finding], None],
) -> list[Finding]:
    """Ask every stage whose needs are met.

    Parameters
    ----------
    stages
        In the order of the path.
    subject
        Handed to each stage.
    explain
        Tells of a part what its port and process look like, and what to run next (empty: nothing better is known).
    budget_s
        Most seconds for all of it.
    heard
        Told each finding as it comes.
    """
    deadline_s = time.monotonic() + budget_s
    findings: dict[str, Finding] = {}
    for stage in stages:
        unmet = [need for need in stage.needs if findings[need].state not in (State.OK, State.SLOW)]
        left_s = deadline_s - time.monotonic()
        if unmet or left_s <= 0:
            why = f"needs {', '.join(unmet)}" if unmet else f"no time left of {budget_s:.0f} s"
            findings[stage.name] = Finding(stage.name, State.SKIPPED, 0.0, stage.asks, why)
        else:
            findings[stage.name] = await _ask(stage, subject, explain, min(stage.timeout_s, left_s))
        heard(findings[stage.name])
    return list(findings.values())


async def _ask(stage: Stage[_Subject], subject: _Subject, explain: Explain, timeout_s: float) -> Finding:
    started_s = time.monotonic()

    def took_ms() -> float:
        return round((time.monotonic() - started_s) * 1000, 1)

    next_command = ""
    try:
        async with asyncio.timeout(timeout_s) as limit:
            answered = await stage.ask(subject)
        state = State.SLOW if took_ms() > stage.slow_s * 1000 else State.OK
        return Finding(stage.name, state, took_ms(), stage.asks, answered)
    except Broken as wrong:
        answered, next_command = wrong.answered, wrong.next_command
    except Exception as error:  # whatever it is, it is why this stage is broken
        answered = f"no answer in {timeout_s:.1f} s" if limit.expired() else _words(error)
    ms = took_ms()
    looks, better = await explain(stage.part) if stage.part else ("", "")
    return Finding(
        stage.name,
        State.BROKEN,
        ms,
        stage.asks,
        f"{answered}; {looks}" if looks else answered,
        next_command or better or stage.hint,
        stage.without,
    )


def _words(error: Exception) -> str:
    leaves = list(_leaves(error))
    return "; ".join(f"{type(leaf).__name__}: {leaf}".splitlines()[0][:200] for leaf in leaves[:3])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
