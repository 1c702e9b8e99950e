import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from deploy.local.servers_for_tests import Servers
from services.persister.errors import StoreAway
from services.persister.planning import Stream
from services.persister.postgres import PostgresStore, open_pool
from services.persister.sql import load_queries
from tests.contract.persister.suites import ReadSessions, StoreContract, plan_of
from tests.integration.persister.harness import System
from tests.unit.persister.records import batch_record


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[PostgresStore]:
    pool = await open_pool(servers.postgres_dsn_by_role["telltale_persister"])
    yield PostgresStore(pool)
    await pool.close()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, store: PostgresStore) -> PostgresStore:
        return store

    @pytest.fixture
    def read_sessions(self, servers: Servers) -> ReadSessions:
        async def read(tenant_id: str) -> list[tuple[int, int, int]]:
            owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
            rows = await owner.fetch(
                "SELECT batch_count, event_count, source_offset FROM sessions WHERE tenant_id = $1", tenant_id
            )
            await owner.close()
            return [tuple(row) for row in rows]

        return read

    @pytest.mark.parametrize(
        "received_at",
        [
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(2020, 2, 29, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
            datetime(2020, 2, 29, tzinfo=timezone(timedelta(hours=-9))),
        ],
    )
    async def test_no_row_is_refused_for_its_date(
        self, store: PostgresStore, servers: Servers, stream: Stream, tenant_id: str, received_at: datetime
    ) -> None:
        await store.claim({stream: 0})
        record = batch_record(tenant_id=tenant_id, received_at=received_at)
        await store.write(plan_of(stream, record.topic, [record]))
        owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
        leaf = await owner.fetchval("SELECT tableoid::regclass::text FROM batches WHERE tenant_id = $1", tenant_id)
        await owner.close()
        assert leaf == "batches_default"

    async def test_rows_of_two_days_go_to_two_partitions(
        self, store: PostgresStore, servers: Servers, stream: Stream, tenant_id: str
    ) -> None:
        now = datetime.now(UTC)
        days = [now, now - timedelta(days=1)]
        records = [batch_record(tenant_id=tenant_id, received_at=day) for day in days]
        await store.claim({stream: 0})
        await store.write(plan_of(stream, records[0].topic, records))
        owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
        leaves = await owner.fetch("SELECT tableoid::regclass::text FROM batches WHERE tenant_id = $1", tenant_id)
        await owner.close()
        assert {row[0] for row in leaves} == {f"batches_{day:%Y%m%d}" for day in days}


async def test_nobody_there_is_away_and_not_an_error_of_the_rows() -> None:
    pool = await open_pool("postgresql://nobody@127.0.0.1:1/telltale")
    with pytest.raises(StoreAway):
        await PostgresStore(pool).claim({Stream("any", 0): 0})
    pool.terminate()


async def test_upkeep_is_safe_to_run_again(store: PostgresStore) -> None:
    keep = {"batches": 30, "verdicts": 90, "sessions": 90, "dead_letters": 90}
    assert set(await store.maintain(keep, 400)) == set(keep)


FILL = {
    "batches": "INSERT INTO batches (received_at, source_offset, clock_skew_ms, source_partition, event_count,"
    " batch_id, tenant_id, domain, subject_type, subject_id, traceparent, payload)"
    " SELECT at, 0, 0, 0, 1, gen_random_uuid(), 'acme', 'behavior', 'session', 's', '', '{}' FROM made",
    "verdicts": "INSERT INTO verdicts (received_at, scored_at, occurred_at, session_started_at, source_offset,"
    " risk_score, confidence, source_partition, event_count, trust_score, verdict_id, batch_id, tenant_id, domain,"
    " subject_type, subject_id, action, label, traceparent, reason_codes, document)"
    " SELECT at, at, at, at, 0, 0, 1, 0, 1, 50, gen_random_uuid(), gen_random_uuid(), 'acme', 'behavior', 'session',"
    " 's', 'ALLOW', 'human', '', '{}', '{}' FROM made",
}


@pytest.mark.parametrize("table", FILL)
async def test_ids_are_found_by_index_however_many_and_however_large_the_day(own_system: System, table: str) -> None:
    """A plan that reads whole days, or all of another index, makes each write dearer than the one before."""
    made = "WITH made AS (SELECT now() - n * interval '10 s' AS at FROM generate_series(1, 40000) AS n) "
    await own_system.owner.execute(made + FILL[table])
    await own_system.owner.execute(f"ANALYZE {table}")
    pool = await open_pool(own_system.servers.postgres_dsn_by_role["telltale_persister"])
    ids = [uuid.uuid4() for _ in range(5_000)]
    rows = await pool.fetch("EXPLAIN " + load_queries()[f"seen_{table}"], ids, datetime.now(UTC))
    pool.terminate()
    days = [f"{table}_{datetime.now(UTC) - timedelta(days=ago):%Y%m%d}" for ago in (1, 2, 3)]
    for day in days:
        (scan,) = [row[0] for row in rows if f" on {day} " in row[0]]
        assert f"Index Scan using {day}_once" in scan
