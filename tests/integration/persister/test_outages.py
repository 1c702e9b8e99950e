"""A database that refuses, stalls or is full is waited for: nothing ends, no innocent row becomes a letter."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import psutil
import pytest

from deploy.local.credentials import ADMIN
from services.persister.app import create_app
from services.persister.settings import PersisterSettings
from shared import metrics
from tests.integration.persister.harness import System, cuttable, end
from tests.unit.persister.records import NOW, batch_record, verdict_of, verdict_record

_LIMIT_BYTES = 200_000_000


def raising(code: str) -> tuple[str, str]:
    """Make every write fail with a condition of PostgreSQL's own."""
    return (
        f"CREATE FUNCTION hurt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}';"
        " END $$; CREATE TRIGGER hurt BEFORE UPDATE ON stream_offsets EXECUTE FUNCTION hurt()",
        "DROP TRIGGER hurt ON stream_offsets; DROP FUNCTION hurt()",
    )


HURTS = {
    "read-only": (
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "SET transaction_read_only = off; ALTER DATABASE {database} RESET default_transaction_read_only",
    ),
    "no connection left": (
        "ALTER DATABASE {database} CONNECTION LIMIT 0",
        "ALTER DATABASE {database} CONNECTION LIMIT -1",
    ),
    "disk full": raising("53100"),
    "no memory": raising("53200"),
    "an I/O error": raising("58030"),
    "a deadlock's victim": raising("40P01"),
    "not serializable": raising("40001"),
    "a statement's time is up": raising("57014"),
    "an internal error": raising("XX000"),
}


@dataclass
class Hurting:
    """A database whose administrator may hurt it."""

    admin: "asyncpg.Connection[asyncpg.Record]"
    database: str

    async def do(self, statement: str) -> None:
        await self.admin.execute(statement.format(database=self.database))

    async def end_sessions(self) -> int:
        return len(
            await self.admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = $1 AND usename = 'telltale_persister'",
                self.database,
            )
        )


@asynccontextmanager
async def administering(system: System) -> AsyncIterator[Hurting]:
    dsn = system.servers.postgres_dsn_by_role[ADMIN]
    admin = await asyncpg.connect(dsn)
    try:
        yield Hurting(admin, dsn.rpartition("/")[2])
    finally:
        await admin.close()


@asynccontextmanager
async def running(system: System) -> AsyncIterator["asyncio.Task[None]"]:
    settings = PersisterSettings.model_validate(
        {name.removeprefix("TELLTALE_").lower(): value for name, value in system.environment().items()}
    )
    stop = asyncio.Event()
    task = asyncio.create_task(create_app(settings).run(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, timeout=15)


async def until_retried(times: int) -> None:
    """Wait until writes were tried again so often from now."""
    counter = metrics.PERSISTER_RETRIES._value
    wanted = counter.get() + times
    async with asyncio.timeout(20):
        while counter.get() < wanted:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", HURTS)
async def test_a_database_that_refuses_is_waited_for(own_system: System, tenant_id: str, name: str) -> None:
    hurt, heal = HURTS[name]
    system = own_system
    async with administering(system) as database, running(system) as task:
        await system.publish([batch_record(tenant_id=tenant_id)])
        await system.until_moved(1)
        await database.do(hurt)
        await database.end_sessions()
        verdicts = [verdict_record(0, verdict_of(tenant_id=tenant_id)) for _ in range(10)]
        await system.publish([*(batch_record(tenant_id=tenant_id) for _ in range(30)), *verdicts])
        await until_retried(3)
        assert not task.done()
        assert await system.books() == {"moved": 1, "persisted": 1, "duplicates": 0, "rejected": 0, "missing": 0}
        await database.do(heal)
        books = await system.until_moved(41)
    assert books == {"moved": 41, "persisted": 41, "duplicates": 0, "rejected": 0, "missing": 0}
    assert await system.owner.fetchval("SELECT count(*) FROM dead_letters") == 0


@pytest.mark.timeout(300)
async def test_sessions_killed_again_and_again_while_copying_lose_and_double_nothing(
    own_system: System, tenant_id: str
) -> None:
    system, count = own_system, 3_000
    async with administering(system) as database, running(system):
        payload = b'"%b"' % (b"x" * 20_000)
        async with asyncio.TaskGroup() as group:
            group.create_task(system.publish([batch_record(tenant_id=tenant_id, value=payload) for _ in range(count)]))
            killed = 0
            while (await system.books())["moved"] < count:
                killed += await database.end_sessions()
                await asyncio.sleep(0.05 + 0.01 * killed)  # ever longer, so that something comes through
        books = await system.until_moved(count, timeout_s=60)
    assert killed > 0
    assert books == {"moved": count, "persisted": count, "duplicates": 0, "rejected": 0, "missing": 0}
    assert await system.count("batches", tenant_id) == count


@pytest.mark.timeout(300)
async def test_memory_is_bounded_while_the_database_is_away_and_topics_are_full(system: System, tenant_id: str) -> None:
    """56,000 records, 170 MB, wait on every partition: a process without a bound would hold them all."""
    payload = b'"%b"' % (b"x" * 5_700)
    async with cuttable(system.servers.postgres_dsn_by_role["telltale_persister"]) as (dsn, line):
        process = await system.start({"TELLTALE_POSTGRES_DSN": dsn})
        await system.publish([batch_record(tenant_id=tenant_id, partition=number) for number in range(4)])
        await system.until_moved(4)
        line.cut()
        for _ in range(14):
            await system.publish(
                [batch_record(tenant_id=tenant_id, value=payload, partition=n % 4) for n in range(2_000)]
            )
            await system.publish(
                [verdict_record(0, verdict_of(tenant_id=tenant_id), partition=n % 4) for n in range(2_000)]
            )
            assert psutil.Process(process.pid).memory_info().rss < _LIMIT_BYTES
        await asyncio.sleep(3)  # there is no condition to wait for: nothing must happen
        assert psutil.Process(process.pid).memory_info().rss < _LIMIT_BYTES
        await line.mend()
        highest = 0
        async with asyncio.timeout(120):
            while (await system.books())["moved"] < 56_004:
                highest = max(highest, psutil.Process(process.pid).memory_info().rss)
                await asyncio.sleep(0.02)
        assert await end(process, signal.SIGTERM) == 0
    assert highest < _LIMIT_BYTES
    assert (await system.books())["persisted"] == 56_004


async def test_a_batch_as_large_as_a_gateway_takes_goes_through(system: System, tenant_id: str) -> None:
    largest = b'"%b"' % (b"x" * (4 * 2**20 - 2))
    async with system.persister():
        await system.publish([batch_record(tenant_id=tenant_id, value=largest)])
        books = await system.until_moved(1)
    assert (books["persisted"], books["rejected"]) == (1, 0)
    stored = await system.owner.fetchval("SELECT octet_length(payload) FROM batches WHERE tenant_id = $1", tenant_id)
    assert stored == len(largest)


async def test_two_instances_on_crossing_rows_wait_and_never_lose(own_system: System, tenant_id: str) -> None:
    """All partitions count in the same rows of the same minute, and three days cross."""
    system, count = own_system, 4_000
    first, second = await system.start(), await system.start()
    records = []
    for number in range(count):
        at = NOW - timedelta(days=number % 3)
        verdict = verdict_of(tenant_id=tenant_id, received_at=at)
        records.append(batch_record(tenant_id=tenant_id, partition=number % 4, received_at=at))
        records.append(verdict_record(0, verdict, partition=number % 4))
    for start in range(0, len(records), 500):
        await system.publish(records[start : start + 500])
    books = await system.until_moved(2 * count, timeout_s=60)
    codes = [await end(process, signal.SIGTERM) for process in (first, second)]
    assert set(codes) <= {0, 1}
    assert books == {"moved": 2 * count, "persisted": 2 * count, "duplicates": 0, "rejected": 0, "missing": 0}
    for table in ("batches", "verdicts"):
        assert await system.owner.fetchval(f"SELECT sum({table}) FROM kpi_{table}_by_minute") == count
        assert await system.owner.fetchval(f"SELECT sum({table}) FROM kpi_{table}_by_hour") == count
