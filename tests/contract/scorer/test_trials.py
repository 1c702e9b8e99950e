"""Trials: every kind tells where it ended; the real one survives what no process does."""

import ctypes
import os
import sys
import time
from collections.abc import Callable

import pytest

from services.scorer.stream.memory import MemoryTrial
from services.scorer.stream.ports import Trial
from services.scorer.stream.trial import ForkTrial

TIMEOUT_S = 1.0


@pytest.fixture(params=["fork", "memory"])
def trial(request: pytest.FixtureRequest) -> Trial:
    return ForkTrial(TIMEOUT_S) if request.param == "fork" else MemoryTrial()


def _ending(at: int, end: Callable[[], object]) -> Callable[[int], object]:
    return lambda index: end() if index == at else None


def _out_of_memory() -> None:
    raise MemoryError


async def test_harmless_steps_all_survive(trial: Trial) -> None:
    assert await trial.survived(lambda index: index, 70_000) == 70_000
    assert await trial.survived(lambda index: index, 0) == 0


@pytest.mark.parametrize("end", [_out_of_memory, sys.exit], ids=["memory", "exit"])
async def test_the_first_step_that_ends_it_is_told(trial: Trial, end: Callable[[], object]) -> None:
    assert await trial.survived(_ending(2, end), 5) == 2
    assert await trial.survived(_ending(0, end), 1) == 0


def _crash() -> None:
    ctypes.string_at(0)


def _spin() -> None:
    while True:
        pass


def _hoard() -> None:
    hoard = [bytearray(64_000_000)]
    while True:
        hoard.append(bytearray(64_000_000))


@pytest.mark.parametrize(
    "end",
    [_crash, _spin, lambda: time.sleep(3_600), _hoard, lambda: os._exit(0), lambda: os.abort()],
    ids=["segfault", "endless loop", "blocked", "memory", "exit", "abort"],
)
async def test_a_fork_survives_what_its_steps_do(end: Callable[[], object]) -> None:
    changed: list[int] = []

    def step(index: int) -> None:
        changed.append(index)
        if index == 3:
            end()

    assert await ForkTrial(TIMEOUT_S).survived(step, 10) == 3
    assert changed == []


async def test_every_step_and_every_end_is_progress() -> None:
    trial = ForkTrial(TIMEOUT_S)
    await trial.survived(_ending(0, _crash), 1)
    assert trial.progress == 1
    await trial.survived(lambda index: index, 3)
    assert trial.progress == 1 + 3 + 1


async def test_a_steps_time_is_its_own() -> None:
    assert await ForkTrial(TIMEOUT_S).survived(lambda index: time.sleep(TIMEOUT_S / 4), 6) == 6
