"""No space left for PostgreSQL, then for Kafka: nothing acknowledged is lost, and all goes on when there is space."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import httpx
import pytest

from deploy.local import parts, postgres
from deploy.local.settings import CHECKOUT, StackSettings
from tests.e2e.faults.callers import until_answered, wait_for_verdict
from tests.e2e.faults.disks import Disk, launcher
from tests.e2e.faults.memory import bounded_memory
from tests.e2e.load import Load, assert_books_balance
from tests.e2e.system import System, running_system

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

HOME: Final = CHECKOUT / ".telltale-e2e-disks"
DISK_BYTES: Final = 512 * 1024 * 1024
FULL_S: Final = 15
RETRIES: Final = "telltale_persister_retries_total"


@dataclass(frozen=True)
class Cramped:
    """A system whose servers live on small file systems."""

    system: System
    disks: dict[str, Disk]


@pytest.fixture(scope="module")
def cramped() -> Iterator[Cramped]:
    settings = StackSettings.model_validate({"home": HOME})
    places = {"kafka": parts.kafka_of(settings).place, "postgres": postgres.locate(settings).place}
    with running_system(HOME, launcher(dict.fromkeys(places.values(), DISK_BYTES))) as system:
        supervisor = system.stack.supervisor.process()
        assert supervisor is not None
        yield Cramped(system, {name: Disk(place, supervisor.pid) for name, place in places.items()})


async def retries(system: System) -> float:
    """Read how often the persister tried a write again."""
    port = next(part.ports[0].number for part in system.stack.all_parts if part.name == "persister")
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{RETRIES} "))


async def until_true(system: System, question: str) -> None:
    """Ask PostgreSQL until the answer is true."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(asyncpg.PostgresError, OSError):
                [answer] = await system.rows(f"SELECT {question} AS yes")
                if answer["yes"]:
                    return
            await asyncio.sleep(0.2)


async def test_a_full_disk_of_postgresql_stops_only_the_persister(cramped: Cramped) -> None:
    system = cramped.system
    persister = await system.status("persister")
    old, ahead = await days_to_tend(system)
    async with bounded_memory(system), Load(system) as load:
        await load.until_acknowledged(60)
        before = await retries(system)
        cramped.disks["postgres"].fill()
        async with asyncio.timeout(60):
            while await retries(system) < before + 3:
                await asyncio.sleep(0.1)
        await until_answered(system, 200)  # verdicts go on
        assert (await system.status("persister")).pid == persister.pid  # it waits; it does not end and start again

        await system.stop("persister")
        system.stack.supervisor.start_part(persister.part)
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await system.rows("SELECT pg_switch_wal()")  # no room for the next log segment: the server cannot even run
        await load.until_acknowledged(60 * FULL_S // 2)
        persister = await system.status("persister")  # started while nothing can be written, it waits as well
        assert persister.pid
        cramped.disks["postgres"].make_room()
        await load.until_acknowledged(60)
    await system.until_ready("postgres")
    await assert_books_balance(system, load, timeout_s=90)
    await until_true(system, f"to_regclass('{old}') IS NULL AND to_regclass('{ahead}') IS NOT NULL")
    assert (await system.status("persister")).pid == persister.pid


async def days_to_tend(system: System) -> tuple[str, str]:
    """Make a day so old that it is to go, and take away one that is to be made; give the names of both partitions."""
    await system.rows("SELECT make_day(day_tables, current_date - 60) FROM day_tables WHERE table_name = 'batches'")
    [names] = await system.rows(
        "SELECT 'batches_' || to_char(current_date - 60, 'YYYYMMDD') AS old,"
        " 'batches_' || to_char(current_date + 3, 'YYYYMMDD') AS ahead"
    )
    await system.rows(f"DROP TABLE {names['ahead']}")
    return names["old"], names["ahead"]


async def test_a_full_disk_of_kafka_refuses_and_loses_nothing(cramped: Cramped) -> None:
    system = cramped.system
    async with bounded_memory(system), Load(system) as load:
        await load.until_acknowledged(60)
        cramped.disks["kafka"].fill()
        refused = await until_answered(system, 503, timeout_s=90)
        assert refused.json()["code"] == "broker_unavailable"
        await asyncio.sleep(FULL_S)  # it tries to start meanwhile, and cannot
        assert (await wait_for_verdict(system)).status_code == 503
        cramped.disks["kafka"].make_room()
        await system.until_ready("kafka")
        await load.until_acknowledged(120)
    await assert_books_balance(system, load, timeout_s=90)
    await system.until_all_ready()
