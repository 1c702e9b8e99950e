"""The schema grows around rows that are there: they stay what they were, and are counted."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from deploy.local.servers_for_tests import Servers
from deploy.provision.migrations import MIGRATIONS, migrate
from deploy.provision.roles import OWNER

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


async def test_what_was_there_before_hours_were_counted_is_counted(own_servers: Servers, tmp_path: Path) -> None:
    for script in MIGRATIONS.glob("*.sql"):
        if script.name < "0008":
            shutil.copy(script, tmp_path)
    owner_dsn = own_servers.postgres_dsn_by_role[OWNER]
    migrate(owner_dsn, tmp_path)
    owner = await asyncpg.connect(owner_dsn)
    payload = '{ "events" : [{"type": "scroll", "occurred_at": "2026-01-01T00:00:00Z", "y": 1}]}'
    for minutes in (0, 59, 60):
        await owner.execute(
            "INSERT INTO batches (received_at, source_offset, clock_skew_ms, source_partition, event_count, batch_id,"
            " tenant_id, domain, subject_type, subject_id, traceparent, payload)"
            " VALUES ($1, 0, 0, 0, 7, gen_random_uuid(), 'acme', 'behavior', 'session', 's', '', $2)",
            HOUR + timedelta(minutes=minutes), payload,
        )  # fmt: skip
    await owner.close()

    assert migrate(owner_dsn) >= 2

    owner = await asyncpg.connect(owner_dsn)
    counts = await owner.fetch("SELECT hour, tenant_id, batches, events FROM kpi_batches_by_hour ORDER BY hour")
    assert [tuple(row) for row in counts] == [(HOUR, "acme", 2, 14), (HOUR + timedelta(hours=1), "acme", 1, 7)]
    assert {row["payload"] for row in await owner.fetch("SELECT payload FROM batches")} == {payload}
    assert [row["type"] for row in await owner.fetch("SELECT type FROM events")] == ["scroll"] * 3
    await owner.close()
