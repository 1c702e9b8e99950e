"""Days come and go beside readers."""

import asyncio

import asyncpg

from deploy.local.servers_for_tests import Servers
from deploy.provision.migrations import migrate
from deploy.provision.roles import OWNER
from services.persister.postgres import PostgresStore, open_pool

WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'batches'::regclass"


async def test_a_reader_and_the_upkeep_never_wait_for_each_other(own_servers: Servers) -> None:
    migrate(own_servers.postgres_dsn_by_role[OWNER])
    owner = await asyncpg.connect(own_servers.postgres_dsn_by_role[OWNER])
    reader = await asyncpg.connect(own_servers.postgres_dsn_by_role["telltale_insights"])
    pool = await open_pool(own_servers.postgres_dsn_by_role["telltale_persister"])
    try:
        await owner.execute("SELECT make_days('batches', '2019-01-01')")
        ahead = await owner.fetchval("SELECT 'batches_' || to_char((now() AT TIME ZONE 'UTC')::date + 3, 'YYYYMMDD')")
        await owner.execute(f"DROP TABLE {ahead}")
        # As a query does that has locked the table and not its partitions yet.
        await reader.execute("BEGIN; LOCK TABLE ONLY batches IN ACCESS SHARE MODE")
        tending = asyncio.create_task(PostgresStore(pool).maintain({"batches": 30, "sessions": 30}, 400))
        async with asyncio.timeout(20):
            while not await owner.fetchval(WAITS):
                await asyncio.sleep(0.02)
            assert await reader.fetchval("SELECT count(*) FROM batches") == 0
            await reader.execute("COMMIT")
            await tending
        days = await owner.fetchval(
            "SELECT array_agg(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'batches'::regclass"
        )
        assert ahead in days
        assert not any(day.startswith("batches_201") for day in days)
    finally:
        for connection in (owner, reader):
            await connection.close()
        await pool.close()
