"""Acts are done to real processes; what is stopped goes on again, and nothing is left."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.parts import Part, Port
from deploy.local.supervision import PartState
from tests.chaos.acting import Tormentor
from tests.chaos.schedule import Act, Kind
from tests.chaos.scorers import ExtraScorer

NAP = ("sleep", "600")


async def ready() -> None:
    """Nobody asks."""


def part(name: str) -> Part:
    return Part(name, "services", NAP, (Port(0, "X", name),), ready, Path("none"))


class OneProcess:
    """Supervises one part; does not start it again by itself."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(NAP)
        self.calls: list[str] = []

    def states(self) -> dict[str, PartState]:
        running = self.process.poll() is None
        return {"gateway": PartState("RUNNING", self.process.pid if running else 0, 0.0)}

    def start_part(self, part: Part) -> None:
        self.calls.append("start")

    def stop_part(self, part: Part) -> None:
        self.calls.append("stop")


@pytest.fixture
def supervisor() -> Iterator[OneProcess]:
    one = OneProcess()
    yield one
    one.process.kill()
    one.process.wait()


@pytest.fixture
async def extra(tmp_path: Path) -> AsyncIterator[ExtraScorer]:
    one = ExtraScorer(part("scorer"), tmp_path / "scorer-2.log")
    yield one
    await one.leave()


@pytest.fixture
def ours(supervisor: OneProcess, extra: ExtraScorer) -> Tormentor:
    return Tormentor(supervisor, [part("gateway")], {"scorer-2": extra}, lambda line: None)


def always_moving() -> Callable[[], int]:
    steps = iter(range(0, 1_000_000, 1_000))
    return lambda: next(steps)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_killed_part_is_killed(ours: Tormentor, supervisor: OneProcess) -> None:
    await ours.carry_out([Act(0, Kind.KILL, "gateway")], always_moving())
    assert supervisor.process.wait(10) == -signal.SIGKILL


async def test_a_part_is_asked_to_end_by_its_own_signal(ours: Tormentor, supervisor: OneProcess) -> None:
    await ours.carry_out([Act(0, Kind.TERMINATE, "gateway")], always_moving())
    assert supervisor.process.wait(10) == -signal.SIGTERM


async def test_a_paused_part_goes_on_after_its_time(ours: Tormentor, supervisor: OneProcess) -> None:
    process = psutil.Process(supervisor.process.pid)
    acting = asyncio.create_task(ours.carry_out([Act(0, Kind.PAUSE, "gateway", 0.3)], always_moving()))
    await until(lambda: process.status() == psutil.STATUS_STOPPED)
    await acting
    assert process.status() != psutil.STATUS_STOPPED


async def test_whoever_ends_early_leaves_nothing_stopped(ours: Tormentor, supervisor: OneProcess) -> None:
    process = psutil.Process(supervisor.process.pid)
    acting = asyncio.create_task(ours.carry_out([Act(0, Kind.PAUSE, "gateway", 600)], always_moving()))
    await until(lambda: process.status() == psutil.STATUS_STOPPED)
    acting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acting
    assert process.status() != psutil.STATUS_STOPPED


async def test_a_restart_is_left_to_the_supervisor(ours: Tormentor, supervisor: OneProcess) -> None:
    await ours.carry_out([Act(0, Kind.RESTART, "gateway", 0.0)], always_moving())
    assert supervisor.calls == ["stop", "start"]


async def test_an_extra_scorer_comes_back_until_it_is_told_to_leave(ours: Tormentor, extra: ExtraScorer) -> None:
    await ours.carry_out([Act(0, Kind.JOIN, "scorer-2")], always_moving())
    await until(lambda: extra.pid > 0)
    first = extra.pid
    await ours.carry_out([Act(0, Kind.KILL, "scorer-2")], always_moving())
    await until(lambda: extra.pid not in (0, first))
    second = extra.pid
    await ours.carry_out([Act(0, Kind.LEAVE, "scorer-2")], always_moving())
    assert extra.pid == 0
    assert not psutil.pid_exists(second)


async def test_an_act_waits_for_the_one_before_on_the_same_part(ours: Tormentor, extra: ExtraScorer) -> None:
    await ours.carry_out([Act(0, Kind.JOIN, "scorer-2")], always_moving())
    await until(lambda: extra.pid > 0)
    process = psutil.Process(extra.pid)
    process.suspend()
    await until(lambda: process.status() == psutil.STATUS_STOPPED)  # it will not hear that it is asked to leave
    acts = [Act(0, Kind.LEAVE, "scorer-2"), Act(0.01, Kind.JOIN, "scorer-2")]
    acting = asyncio.create_task(ours.carry_out(acts, always_moving()))
    await until(lambda: not extra.joined)
    process.resume()
    async with asyncio.timeout(10):
        await acting
    assert [act.kind for act in ours.done[1:]] == [Kind.LEAVE, Kind.JOIN]
    assert extra.joined


async def test_acts_wait_while_nothing_gets_through(ours: Tormentor, supervisor: OneProcess) -> None:
    moved = 0
    acts = [Act(number / 100, Kind.RESTART, "gateway") for number in range(8)]
    acting = asyncio.create_task(ours.carry_out(acts, lambda: moved))
    await until(lambda: len(ours.done) == 4)
    seen = time.monotonic() + 0.3
    while time.monotonic() < seen:  # the times of all later acts pass by
        await asyncio.sleep(0.01)
        assert len(ours.done) == 4
    moved = 20
    await acting
    assert [act.at_s for act in ours.done] == [act.at_s for act in acts]


async def test_a_part_that_nobody_starts_again_is_named(supervisor: OneProcess, extra: ExtraScorer) -> None:
    told: list[str] = []
    ours = Tormentor(supervisor, [part("gateway")], {"scorer-2": extra}, told.append, pid_timeout_s=0.1)
    os.kill(supervisor.process.pid, signal.SIGKILL)
    supervisor.process.wait()
    await ours.carry_out([Act(0, Kind.KILL, "gateway")], always_moving())
    assert ours.missed == told == ["kill gateway: nobody started it within 0.1 s"]
    assert ours.done == []
