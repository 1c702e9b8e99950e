"""Carry out a plan against a running system."""

import asyncio
import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol
from xmlrpc.client import Fault

import psutil

from deploy.local.parts import Part
from deploy.local.supervision import PartState
from tests.chaos.schedule import TARGETS, Act
from tests.chaos.scorers import ExtraScorer
from tests.e2e.system import System

_PID_TIMEOUT_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.05
_ACTS_WITHOUT_MOVE: Final = 4
_MOVE: Final = 20  # batches
_MOVE_TIMEOUT_S: Final = 60.0

Tell = Callable[[str], None]


class Supervision(Protocol):
    """Who runs the parts that are always there."""

    def states(self) -> dict[str, PartState]:
        """Give every part's state."""

    def start_part(self, part: Part) -> None:
        """Start a part; raises `Fault` when it runs."""

    def stop_part(self, part: Part) -> None:
        """Stop a part and keep it stopped; raises `Fault` when it does not run."""


class Tormentor:
    """Does acts to the parts of a system, and undoes what lasts.

    Parameters
    ----------
    supervisor
        Runs the parts that are always there.
    parts
        Those parts.
    extras
        Scorers that come and go, by name.
    tell
        Told what goes wrong with an act.
    pid_timeout_s
        How long an act waits for its part to run.
    """

    def __init__(
        self,
        supervisor: Supervision,
        parts: Iterable[Part],
        extras: dict[str, ExtraScorer],
        tell: Tell,
        pid_timeout_s: float = _PID_TIMEOUT_S,
    ) -> None:
        self._supervisor = supervisor
        self._pid_timeout_s = pid_timeout_s
        self._tell = tell
        self._parts = {part.name: part for part in parts}
        self._paused: set[psutil.Process] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.extras = extras
        self.under_way: dict[str, Act] = {}
        self.done: list[Act] = []
        self.missed: list[str] = []

    async def carry_out(self, acts: Sequence[Act], moved: Callable[[], int]) -> None:
        """Do every act at its time; return when the last has ended.

        On a machine so slow that nothing moves while several acts go by, all later ones come later: to kill what is
        still starting shows nothing.

        Parameters
        ----------
        moved
            Tells how much work has got through so far.
        """
        started_s = time.monotonic()
        marks = [moved() - _MOVE] * _ACTS_WITHOUT_MOVE
        async with asyncio.TaskGroup() as group:
            for act in acts:
                await asyncio.sleep(started_s + act.at_s - time.monotonic())
                started_s += await self._until_moved(moved, marks.pop(0) + _MOVE)
                marks.append(moved())
                group.create_task(self._do(act), name=f"{act.kind}-{act.part}")

    @staticmethod
    async def _until_moved(moved: Callable[[], int], wanted: int) -> float:
        """Wait until enough has got through, or for a minute; give how long it took."""
        began_s = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOVE_TIMEOUT_S):
                while moved() < wanted:
                    await asyncio.sleep(_LOOK_EVERY_S)
        return time.monotonic() - began_s

    def undo(self) -> None:
        """Let everything that is stopped go on."""
        for process in self._paused.copy():
            self._go_on(process)

    async def _do(self, act: Act) -> None:
        # On a slow machine an act can last longer than planned; the part's next one waits for it.
        async with self._locks[act.part]:
            self.under_way[act.part] = act
            await self._do_now(act)

    async def _do_now(self, act: Act) -> None:
        try:
            await getattr(self, f"_{act.kind}")(act)
            self.done.append(act)
        except psutil.NoSuchProcess:
            self.done.append(act)  # it ended by itself in this very moment: no less an end
        except TimeoutError:
            self.missed.append(f"{act.kind} {act.part}: nobody started it within {self._pid_timeout_s:g} s")
            self._tell(self.missed[-1])
        finally:
            self.under_way.pop(act.part, None)

    async def _kill(self, act: Act) -> None:
        os.kill(await self._pid(act.part), signal.SIGKILL)

    async def _terminate(self, act: Act) -> None:
        name = "SIGTERM" if act.part in self.extras else f"SIG{self._parts[act.part].stop_signal}"
        os.kill(await self._pid(act.part), signal.Signals[name])

    async def _pause(self, act: Act) -> None:
        process = psutil.Process(await self._pid(act.part))
        stopped = [process, *process.children(recursive=True)]
        try:
            for one in stopped:
                self._paused.add(one)
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.suspend()
            await asyncio.sleep(act.hold_s)
        finally:
            for one in stopped:
                self._go_on(one)

    async def _restart(self, act: Act) -> None:
        part = self._parts[act.part]
        # A part that is just down, or just up again, needs no more than it has.
        with contextlib.suppress(Fault):
            await asyncio.to_thread(self._supervisor.stop_part, part)
        try:
            await asyncio.sleep(act.hold_s)
        finally:
            with contextlib.suppress(Fault):
                await asyncio.to_thread(self._supervisor.start_part, part)

    async def _join(self, act: Act) -> None:
        self.extras[act.part].join()

    async def _leave(self, act: Act) -> None:
        await self.extras[act.part].leave()

    async def _pid(self, name: str) -> int:
        """Wait until the part runs and give its process."""
        async with asyncio.timeout(self._pid_timeout_s):
            while True:
                if pid := await self._pid_now(name):
                    return pid
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _pid_now(self, name: str) -> int:
        if name in self.extras:
            return self.extras[name].pid
        states = await asyncio.to_thread(self._supervisor.states)
        return states[name].pid if name in states else 0

    def _go_on(self, process: psutil.Process) -> None:
        self._paused.discard(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


@asynccontextmanager
async def tormentor(system: System, tell: Tell) -> AsyncIterator[Tormentor]:
    """Give one; at the end nothing is stopped, and no extra scorer runs."""
    like = next(part for part in system.stack.services if part.name == "scorer")
    logs = system.stack.settings.root / "logs"
    names = [target.name for target in TARGETS if target.extra]
    extras = {name: ExtraScorer(like, logs / f"{name}.log") for name in names}
    ours = Tormentor(system.stack.supervisor, system.stack.all_parts, extras, tell)
    try:
        yield ours
        for extra in extras.values():
            await extra.leave()
    finally:
        ours.undo()
        for extra in extras.values():
            extra.end()
