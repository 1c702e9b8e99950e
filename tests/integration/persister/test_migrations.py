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


async def test_verdicts_and_sessions_that_were_there_tell_their_time_and_trust(
    own_servers: Servers, tmp_path: Path
) -> None:
    for script in MIGRATIONS.glob("*.sql"):
        if script.name < "0012":
            shutil.copy(script, tmp_path)
    owner_dsn = own_servers.postgres_dsn_by_role[OWNER]
    migrate(owner_dsn, tmp_path)
    owner = await asyncpg.connect(owner_dsn)
    await owner.execute(
        "INSERT INTO verdicts (received_at, scored_at, occurred_at, session_started_at, source_offset, risk_score,"
        " confidence, source_partition, event_count, trust_score, verdict_id, batch_id, tenant_id, domain,"
        " subject_type, subject_id, action, label, traceparent, reason_codes, document)"
        " VALUES ($1, $2, $1, $1, 0, 0.725, 1, 0, 1, 28, gen_random_uuid(), gen_random_uuid(), 'acme', 'behavior',"
        " 'session', 's', 'CHALLENGE', 'bot', '', '{}', '{}')",
        HOUR, HOUR + timedelta(milliseconds=12.5),
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO sessions (tenant_id, domain, subject_type, subject_id, started_at, last_seen_at, batch_count,"
        " event_count, last_verdict_id, last_action, last_label, last_risk_score, source_partition, source_offset)"
        " VALUES ('acme', 'behavior', 'session', 's', $1, $1, 1, 1, gen_random_uuid(), 'CHALLENGE', 'bot', 0.725,"
        " 0, 0)",
        HOUR,
    )
    await owner.close()

    assert migrate(owner_dsn) >= 1

    owner = await asyncpg.connect(owner_dsn)
    assert await owner.fetchval("SELECT processing_time_ms FROM verdicts") == 12.5
    assert await owner.fetchval("SELECT last_trust_score FROM sessions") == round(100 * (1 - 0.725))
    await owner.close()
