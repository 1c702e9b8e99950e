"""Servers away for minutes, under load: nothing is lost, nothing is doubled, memory stays bounded."""

import asyncio
import time

import pytest

from tests.e2e.faults.callers import until_answered, wait_for_verdict
from tests.e2e.faults.memory import bounded_memory
from tests.e2e.load import Load, assert_books_balance
from tests.e2e.system import System

BROKER_AWAY_S = 60
DATABASE_AWAY_S = 120

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


async def test_broker_database_and_redis_away_for_minutes(system: System) -> None:
    async with bounded_memory(system), Load(system, batches_per_s=40) as load:
        await load.until_acknowledged(60)
        await system.stop("redis")  # it stays away for the whole run
        await system.stop("postgres")
        database_gone_s = time.monotonic()
        await load.until_acknowledged(200)  # neither is needed to accept
        assert (await wait_for_verdict(system)).status_code == 202

        await system.stop("kafka")
        refused = await until_answered(system, 503)
        assert refused.json()["code"] == "broker_unavailable"
        assert int(refused.headers["retry-after"]) > 0
        await asyncio.sleep(BROKER_AWAY_S)  # the outage itself
        await system.start("kafka")
        await load.until_acknowledged(200)

        await asyncio.sleep(max(0.0, DATABASE_AWAY_S - (time.monotonic() - database_gone_s)))
        await system.start("postgres")
        await load.until_acknowledged(120)
    await assert_books_balance(system, load, timeout_s=120)
    assert (await wait_for_verdict(system)).status_code == 202
    await system.start("redis")
    await until_answered(system, 200)


async def test_every_part_is_ready_again(system: System) -> None:
    await system.until_all_ready()
