"""Old days are dropped even when the disk has no room for new ones."""

import asyncio
import uuid
from datetime import date, timedelta

import asyncpg

from deploy.local.servers_for_tests import Servers
from deploy.provision.roles import OWNER

NO_ROOM = """
CREATE OR REPLACE FUNCTION make_day(day_table day_tables, day date) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


async def test_old_days_go_when_there_is_no_room_for_new_ones(servers: Servers) -> None:
    day = date(2015, 1, 1) + timedelta(days=uuid.uuid4().int % 1000)
    leaf = f"batches_{day:%Y%m%d}"
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    try:
        async with asyncio.timeout(30):
            await owner.execute("BEGIN")  # rolled back when the connection ends: other tests use these tables
            await owner.execute("SELECT make_day(day_tables, $1) FROM day_tables WHERE table_name = 'batches'", day)
            assert await owner.fetchval("SELECT to_regclass($1) IS NOT NULL", leaf)
            await owner.execute(NO_ROOM)
            tended = await owner.fetchrow("SELECT * FROM maintain_days('batches', 30)")
            assert tended is not None
            assert tended["made"] is None
            assert tended["dropped"] >= 1
            assert await owner.fetchval("SELECT to_regclass($1) IS NULL", leaf)
    finally:
        await owner.close()
