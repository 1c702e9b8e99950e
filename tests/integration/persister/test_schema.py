"""The schema: roles see and do what they may, counts are exact, days come and go, no row breaks the view."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from deploy.local.servers_for_tests import Servers
from services.persister.planning import Stream
from services.persister.postgres import PostgresStore, open_pool
from tests.contract.persister.suites import plan_of
from tests.integration.persister.harness import new_tenant
from tests.unit.persister.records import NOW, batch_record, letter_of, letter_record, verdict_of, verdict_record

TENANT_TABLES = [
    "batches", "verdicts", "sessions", "dead_letters", "kpi_batches_by_minute", "kpi_verdicts_by_minute",
    "kpi_reasons_by_minute", "kpi_dead_letters_by_minute", "kpi_batches_by_hour", "kpi_verdicts_by_hour",
    "kpi_reasons_by_hour", "kpi_dead_letters_by_hour",
]  # fmt: skip
KPI_TABLES = [table for table in TENANT_TABLES if table.startswith("kpi")]
# By table of counts by hour: its key besides hour and tenant, and its sums.
HOURS = {
    "batches": ("domain", "sum(batches), sum(events)"),
    "verdicts": (
        "domain, action, label",
        "sum(verdicts), sum(events), sum(risk_sum), sum(latency_ms_sum), max(latency_ms_max)",
    ),
    "reasons": ("domain, action, reason", "sum(verdicts)"),
    "dead_letters": ("stage, reason", "sum(letters)"),
}
Connection = asyncpg.Connection


@asynccontextmanager
async def connected(servers: Servers, role: str) -> AsyncIterator["Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(servers.postgres_dsn_by_role[f"telltale_{role}"])
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[PostgresStore]:
    pool = await open_pool(servers.postgres_dsn_by_role["telltale_persister"])
    yield PostgresStore(pool)
    await pool.close()


@pytest.fixture
async def tenants(store: PostgresStore) -> list[str]:
    """Two tenants with a row in every table."""
    names = [new_tenant(), new_tenant()]
    for name in names:
        await fill(store, name)
    return names


async def fill(store: PostgresStore, tenant_id: str, received_at: datetime = NOW) -> None:
    batch_id = uuid.uuid4()
    records = {
        "events.behavior.v1": batch_record(batch_id=batch_id, tenant_id=tenant_id, received_at=received_at),
        "verdicts.v1": verdict_record(0, verdict_of(batch_id, tenant_id=tenant_id, received_at=received_at)),
        "dead-letters.v1": letter_record(0, letter_of(tenant_id=tenant_id)),
    }
    for topic, record in records.items():
        stream = Stream(f"test.{uuid.uuid4()}", 0)
        await store.claim({stream: 0})
        await store.write(plan_of(stream, topic, [record]))


@pytest.mark.parametrize("role", ["gateway", "insights"])
async def test_readers_see_the_tenant_they_name_and_no_other(servers: Servers, tenants: list[str], role: str) -> None:
    tables = [table for table in TENANT_TABLES if role == "insights" or table not in KPI_TABLES]
    async with connected(servers, role) as reader:
        for table in [*tables, "events"]:
            assert await reader.fetch(f"SELECT FROM {table} LIMIT 1") == [], "unset: nothing"
            async with reader.transaction():
                await reader.execute("SELECT set_config('telltale.tenant_id', $1, true)", tenants[0])
                seen = await reader.fetch(f"SELECT DISTINCT tenant_id FROM {table}")
                assert [row["tenant_id"] for row in seen] == [tenants[0]]
                others = f"SELECT FROM {table} WHERE tenant_id = $1"
                assert await reader.fetch(others, tenants[1]) == []
            assert await reader.fetch(f"SELECT FROM {table} LIMIT 1") == [], "over: nothing again"


@pytest.mark.parametrize("role", ["gateway", "insights", "monitor"])
async def test_readers_cannot_write(servers: Servers, role: str) -> None:
    async with connected(servers, role) as reader:
        for table in [*TENANT_TABLES, "tenants", "api_keys", "stream_offsets", "kpi_latency_by_minute"]:
            for statement in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.execute(statement)
        for call in ("make_days('batches')", "drop_old_days('batches', 11)", "forget_kpis(11)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(f"SELECT {call}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute("CREATE TABLE mine (id integer)")


@pytest.mark.parametrize("role", ["gateway", "insights", "monitor"])
async def test_no_reader_reaches_around_the_policies(servers: Servers, role: str) -> None:
    async with connected(servers, role) as reader:
        leaves = await reader.fetch("SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r'")
        assert len(leaves) > 40
        for leaf in leaves:
            assert not await reader.fetchval("SELECT has_table_privilege($1, 'SELECT')", leaf[0])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT FROM api_keys")


async def test_the_monitor_sees_counts_of_all_tenants_and_nothing_else(servers: Servers, tenants: list[str]) -> None:
    async with connected(servers, "monitor") as monitor:
        for table in KPI_TABLES:
            seen = await monitor.fetch(f"SELECT tenant_id FROM {table} WHERE tenant_id = ANY ($1)", tenants)
            assert len({row["tenant_id"] for row in seen}) == 2
        assert await monitor.fetchval("SELECT count(*) FROM stream_offsets") > 0
        assert await monitor.fetchval("SELECT count(*) FROM kpi_latency_by_minute") > 0
        for table in ["batches", "verdicts", "sessions", "dead_letters", "tenants", "api_keys", "events"]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await monitor.fetch(f"SELECT FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await monitor.fetch("SELECT * FROM active_api_keys()")


async def test_the_persister_changes_no_row_it_has_written(servers: Servers) -> None:
    async with connected(servers, "persister") as persister:
        for statement in ("DELETE FROM batches", "UPDATE verdicts SET action = 'ALLOW'", "DELETE FROM stream_offsets"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await persister.execute(statement)
        for table in ("tenants", "api_keys", "kpi_batches_by_minute"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await persister.fetch(f"SELECT FROM {table}")


async def test_every_table_with_a_tenant_is_guarded_even_from_its_owner(servers: Servers) -> None:
    async with connected(servers, "owner") as owner:
        unguarded = await owner.fetch(
            "SELECT c.relname FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attname = 'tenant_id'"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
        assert unguarded == []


async def test_no_role_is_above_the_policies(servers: Servers) -> None:
    async with connected(servers, "owner") as owner:
        above = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'telltale_') AND (rolsuper OR rolbypassrls)"
        assert {row[0] for row in await owner.fetch(above)} <= {"telltale_admin"}


async def test_counts_are_exact_when_rows_come_again_or_late(servers: Servers, store: PostgresStore) -> None:
    tenant_id = new_tenant()
    late = NOW - timedelta(days=3)
    verdicts = [
        verdict_of(tenant_id=tenant_id, codes=["A_CODE", "B_CODE", "A_CODE"]),
        verdict_of(tenant_id=tenant_id, action="ALLOW", codes=[]),
        verdict_of(tenant_id=tenant_id, received_at=late, codes=["A_CODE"]),
    ]
    stream = Stream(f"test.{uuid.uuid4()}", 0)
    await store.claim({stream: 0})
    records = [verdict_record(0, verdict) for verdict in verdicts]
    await store.write(plan_of(stream, "verdicts.v1", records[:2]))
    again = plan_of(stream, "verdicts.v1", records[:2], start=2)
    with pytest.raises(Exception, match="UniqueViolation"):
        await store.write(again)
    await store.write(plan_of(stream, "verdicts.v1", records[2:], start=2))
    async with connected(servers, "owner") as owner:
        found = await owner.fetch(
            "SELECT minute, action, verdicts, events, risk_sum, latency_ms_sum FROM kpi_verdicts_by_minute"
            " WHERE tenant_id = $1 ORDER BY minute, action",
            tenant_id,
        )
        minute = {"second": 0, "microsecond": 0}
        assert [tuple(row) for row in found] == [
            (late.replace(**minute), "CHALLENGE", 1, 2, 0.5, 3.0),  # type: ignore[arg-type]
            (NOW.replace(**minute), "ALLOW", 1, 2, 0.5, 3.0),  # type: ignore[arg-type]
            (NOW.replace(**minute), "CHALLENGE", 1, 2, 0.5, 3.0),  # type: ignore[arg-type]
        ]
        reasons = await owner.fetch(
            "SELECT reason, sum(verdicts) FROM kpi_reasons_by_minute WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1",
            tenant_id,
        )
        assert [tuple(row) for row in reasons] == [("A_CODE", 2), ("B_CODE", 1)]


async def test_counts_equal_the_rows_they_count(servers: Servers, tenants: list[str]) -> None:
    async with connected(servers, "owner") as owner:
        pairs = {"batches": "batches", "verdicts": "verdicts", "dead_letters": "letters"}
        for tenant_id in tenants:
            for table, column in pairs.items():
                rows = await owner.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant_id)
                counted = f"SELECT sum({column}) FROM kpi_{table}_by_minute WHERE tenant_id = $1"
                assert await owner.fetchval(counted, tenant_id) == rows == 1


async def test_the_view_unpacks_objects_and_tracks_and_corrects_the_clock(
    servers: Servers, store: PostgresStore
) -> None:
    tenant_id, batch_id = new_tenant(), uuid.uuid4()
    payload = {
        "events": [
            {"type": "key.press", "occurred_at": "2026-01-01T00:00:00Z", "key_class": "digit"},
            {"type": "order.placed", "occurred_at": "2026-01-01T02:00:00+02:00", "event_id": "e1",
             "attributes": {"n": 1}},
        ],
        "tracks": [
            {"type": "pointer.move", "started_at": "2026-01-01T00:00:00Z", "t": [0, 10.5], "x": [1, 2], "y": [3, 4],
             "pointer": "pen"},
            {"type": "scroll", "started_at": "2026-01-01T00:00:00Z", "t": [7], "y": [-5]},
        ],
    }  # fmt: skip
    record = batch_record(
        batch_id=batch_id, tenant_id=tenant_id, event_count=5, clock_skew_ms=-1000, value=json.dumps(payload).encode()
    )
    stream = Stream(f"test.{uuid.uuid4()}", 0)
    await store.claim({stream: 0})
    await store.write(plan_of(stream, record.topic, [record]))
    async with connected(servers, "insights") as reader, reader.transaction():
        await reader.execute("SELECT set_config('telltale.tenant_id', $1, true)", tenant_id)
        found = await reader.fetch("SELECT event_id, type, occurred_at, attributes FROM events ORDER BY event_index")
    start = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert [(*row.values(),)[:3] for row in found] == [
        (f"{batch_id}:0", "key.press", start),
        ("e1", "order.placed", start),
        (f"{batch_id}:2", "pointer.move", start),
        (f"{batch_id}:3", "pointer.move", start + timedelta(milliseconds=10.5)),
        (f"{batch_id}:4", "scroll", start + timedelta(milliseconds=7)),
    ]
    assert [json.loads(row["attributes"]) for row in found] == [
        {"key_class": "digit"},
        {"n": 1},
        {"pointer": "pen", "x": 1, "y": 3},
        {"pointer": "pen", "x": 2, "y": 4},
        {"y": -5},
    ]


ODD = [
    b"[]", b"7", b"null", b'{"events":7,"tracks":{}}', b'{"events":[7,null,[]],"tracks":[7]}',
    b'{"events":[{"type":"\\u0000"}]}', b'{"events":[{"type":"\\ud83d\\ude00"}]}', b'{"events":[{"n":1e999999}]}',
    b'{"events":[{"type":"a","occurred_at":"never"}]}', b'{"events":[{"attributes":[1]}]}',
    b'{"tracks":[{"t":["x"]}]}', b'{"tracks":[{"t":7,"x":[1]}]}', b'{"tracks":[{"t":[1],"started_at":"infinity"}]}',
]  # fmt: skip


async def test_no_row_breaks_the_view(servers: Servers, store: PostgresStore) -> None:
    tenant_id = new_tenant()
    good = b'{"events":[{"type":"good","occurred_at":"2026-01-01T00:00:00Z"}]}'
    records = [batch_record(tenant_id=tenant_id, value=value) for value in [*ODD, good]]
    records.append(batch_record(tenant_id=tenant_id, value=good, clock_skew_ms=2**62))
    stream = Stream(f"test.{uuid.uuid4()}", 0)
    await store.claim({stream: 0})
    await store.write(plan_of(stream, records[0].topic, records))
    async with connected(servers, "insights") as reader, reader.transaction():
        await reader.execute("SELECT set_config('telltale.tenant_id', $1, true)", tenant_id)
        types = [row["type"] for row in await reader.fetch("SELECT type FROM events")]
    assert types.count("good") == 1
    assert types.count("unreadable") >= 5


async def test_days_are_made_filled_and_dropped(servers: Servers, store: PostgresStore) -> None:
    tenant_id = new_tenant()
    day = date(2019, 1, 1) + timedelta(days=uuid.uuid4().int % 1000)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    where = "SELECT tableoid::regclass::text FROM batches WHERE tenant_id = $1"
    async with connected(servers, "owner") as owner:
        change = owner.transaction()  # rolled back: other tests use these tables
        await fill(store, tenant_id, received_at=noon)
        await change.start()
        assert await owner.fetchval(where, tenant_id) == "batches_default"
        counts = "SELECT sum(batches) FROM kpi_batches_by_minute WHERE tenant_id = $1"
        assert await owner.fetchval("SELECT made FROM make_days('batches', $1)", day) == 12
        assert await owner.fetchval(where, tenant_id) == f"batches_{day:%Y%m%d}"
        assert await owner.fetchval(counts, tenant_id) == 1, "moving a row does not count it again"
        assert await owner.fetchval("SELECT made FROM make_days('batches', $1)", day) == 0
        assert await owner.fetchval("SELECT drop_old_days('batches', 11)") == 12
        assert await owner.fetchval(where, tenant_id) is None
        await change.rollback()


async def test_a_verdict_keeps_its_processing_time_when_its_day_is_made(servers: Servers, store: PostgresStore) -> None:
    tenant_id = new_tenant()
    day = date(2016, 1, 1) + timedelta(days=uuid.uuid4().int % 1000)
    await fill(store, tenant_id, received_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    found = "SELECT tableoid::regclass::text, processing_time_ms, event_count FROM verdicts WHERE tenant_id = $1"
    async with connected(servers, "owner") as owner:
        change = owner.transaction()  # rolled back: other tests use these tables
        await change.start()
        assert tuple(await owner.fetchrow(found, tenant_id) or ()) == ("verdicts_default", 3.0, 2)
        await owner.execute("SELECT make_days('verdicts', $1)", day)
        assert tuple(await owner.fetchrow(found, tenant_id) or ()) == (f"verdicts_{day:%Y%m%d}", 3.0, 2)
        await change.rollback()


@pytest.mark.parametrize("call", ["drop_old_days('batches', 10)", "forget_kpis(10)"])
async def test_a_wrong_setting_drops_nothing(servers: Servers, call: str) -> None:
    async with connected(servers, "persister") as persister:
        with pytest.raises(asyncpg.RaiseError):
            await persister.execute(f"SELECT {call}")


async def test_every_table_and_function_says_what_it_is(servers: Servers) -> None:
    async with connected(servers, "owner") as owner:
        silent = await owner.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND NOT relispartition AND obj_description(oid, 'pg_class') IS NULL AND relname !~ 'yoyo|^probe'"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND obj_description(oid, 'pg_proc') IS NULL"
        )
        assert silent == []


async def test_an_hour_is_the_sum_of_its_minutes(servers: Servers, store: PostgresStore) -> None:
    tenant_id = new_tenant()
    hour = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    for minutes in (0, 0, 1, 59, 60, 119, 120):
        at = hour + timedelta(minutes=minutes)
        await fill(store, tenant_id, received_at=at)
        await fill(store, tenant_id, received_at=at + timedelta(seconds=59))
    async with connected(servers, "owner") as owner:
        for table, (keys, sums) in HOURS.items():
            columns = f"tenant_id, {keys}"
            by_hour = await owner.fetch(
                f"SELECT hour, {columns}, {sums} FROM kpi_{table}_by_hour WHERE tenant_id = $1"
                f" GROUP BY hour, {columns} ORDER BY hour, {columns}",
                tenant_id,
            )
            by_minute = await owner.fetch(
                f"SELECT date_trunc('hour', minute, 'UTC'), {columns}, {sums} FROM kpi_{table}_by_minute"
                f" WHERE tenant_id = $1 GROUP BY 1, {columns} ORDER BY 1, {columns}",
                tenant_id,
            )
            assert list(map(tuple, by_hour)) == list(map(tuple, by_minute)) != []
        counted = "SELECT hour, batches FROM kpi_batches_by_hour WHERE tenant_id = $1 ORDER BY hour"
        found = [tuple(row) for row in await owner.fetch(counted, tenant_id)]
        assert found == [(hour + timedelta(hours=hours), count) for hours, count in enumerate((8, 4, 2))]
