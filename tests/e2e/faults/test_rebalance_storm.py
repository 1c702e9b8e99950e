"""Scorers that join and leave all the time: partitions change hands under load, and every batch is judged once."""

import asyncio
import time
from typing import Final

import httpx
import pytest

from deploy.local.settings import HOST
from tests.chaos.scorers import ExtraScorer
from tests.e2e.faults.callers import until_answered
from tests.e2e.faults.memory import bounded_memory
from tests.e2e.load import Load, assert_books_balance
from tests.e2e.system import System

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

STORM_S: Final = 20  # and longer where scorers start slowly
MOST_S: Final = 150
TURN_S: Final = 1.5  # after each, another scorer joins or leaves
EXTRAS: Final = 3
LEAST_RESTORES: Final = 4


async def test_a_rebalance_storm_loses_and_doubles_nothing(system: System) -> None:
    like = (await system.status("scorer")).part
    logs = system.stack.settings.root / "logs"
    extras = [ExtraScorer(like, logs / f"extra-{number}.log") for number in range(EXTRAS)]
    async with bounded_memory(system), Load(system, batches_per_s=40) as load:
        await load.until_acknowledged(60)
        before = await restores(system)
        leaving: dict[int, asyncio.Task[None]] = {}
        try:
            until_s, turn = time.monotonic() + STORM_S, 0
            async with asyncio.timeout(MOST_S):
                while time.monotonic() < until_s or await restores(system) < before + LEAST_RESTORES:
                    number, turn = turn % EXTRAS, turn + 1
                    if not extras[number].joined:
                        if number not in leaving or leaving[number].done():
                            extras[number].join()
                    elif await has_started(extras[number]):  # one that leaves before is in no rebalance
                        leaving[number] = asyncio.create_task(extras[number].leave())
                    await asyncio.sleep(TURN_S)
        finally:
            await asyncio.gather(*leaving.values(), *(extra.leave() for extra in extras if extra.joined))
        await until_answered(system, 200)
        await load.until_acknowledged(120)
    await assert_books_balance(system, load)


async def has_started(extra: ExtraScorer) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            await client.get(f"http://{HOST}:{extra.port}/readyz")
        except httpx.TransportError:
            return False
    return True


async def restores(system: System) -> float:
    """Count the partitions that the supervised scorer has taken over since it started."""
    port = next(part.ports[0].number for part in system.stack.all_parts if part.name == "scorer")
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("telltale_scorer_restore_seconds_count"))
