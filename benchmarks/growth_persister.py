"""What a batch costs persister and PostgreSQL as the database grows to 20 million rows and topics to 64 partitions."""

import asyncio
import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import uvloop

from benchmarks.measuring import Report, cores, pin
from benchmarks.persister_backlog import publish_backlog
from benchmarks.persister_process import drain, pin_tree
from benchmarks.servers import OwnServers, own_servers
from deploy.local.credentials import ADMIN
from deploy.provision.roles import OWNER
from shared.topics import DEFAULT_PARTITIONS

_MILLIONS: Final = (0, 1, 5, 20)
_DAYS: Final = 12
_PARTITIONS: Final = (1, 64)
_BATCHES: Final = 4_000
_ROUNDS: Final = 3
_FILL_TIMEOUT_S: Final = 240.0

# Ids as the SDK makes them (version 7): the time in milliseconds, then chance.
_ID: Final = """(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
    || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid"""
_FROM: Final = """FROM generate_series($1::bigint, $2::bigint) AS n,
    LATERAL (SELECT $3::timestamptz + n * interval '10 ms' AS at) AS made"""
_FILL: Final = {
    "batches": f"""
INSERT INTO {{leaf}} (received_at, persisted_at, source_offset, clock_skew_ms, source_partition, event_count, batch_id,
    tenant_id, domain, subject_type, subject_id, traceparent, payload)
SELECT at, at, n, 0, n % 4, 50, {_ID}, 'bench-' || n % 8, 'behavior', 'session', 'session-' || n % 1000, '', '{{{{}}}}'
{_FROM}""",
    "verdicts": f"""
INSERT INTO {{leaf}} (received_at, persisted_at, scored_at, occurred_at, session_started_at, source_offset, risk_score,
    confidence, source_partition, event_count, trust_score, verdict_id, batch_id, tenant_id, domain, subject_type,
    subject_id, action, label, traceparent, reason_codes, document)
SELECT at, at, at, at, at, n, 0, 1, n % 4, 50, 100, gen_random_uuid(), {_ID}, 'bench-' || n % 8, 'behavior', 'session',
    'session-' || n % 1000, 'ALLOW', 'human', '', '{{{{}}}}', '{{{{}}}}'
{_FROM}""",
}


def measure(report: Report) -> dict[str, Any]:
    """Measure; costs are milliseconds of CPU a batch, of the persister and of PostgreSQL."""
    mine, theirs = cores()[-1], cores()[0]
    pin(os.getpid(), mine)
    with own_servers("growth-persister") as servers:
        pin_tree(servers.postgres_pid, theirs)
        pin(servers.kafka_pid, theirs)
        return uvloop.run(_measure(servers, mine, report))


async def _measure(servers: OwnServers, core: int, report: Report) -> dict[str, Any]:
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    admin = await asyncpg.connect(servers.postgres_dsn_by_role[ADMIN])
    figures: dict[str, Any] = {}
    await _cost(servers, owner, core, DEFAULT_PARTITIONS)  # the first one warms the broker
    for partitions in _PARTITIONS:
        found = await _cost(servers, owner, core, partitions)
        figures |= {f"growth_persister_{partitions}_partitions_{name}": value for name, value in found.items()}
        report(f"{partitions} partitions: {found}")
    filled = 0
    for millions in _MILLIONS:
        await _fill(admin, filled, millions * 1_000_000)
        filled = millions * 1_000_000
        found = await _cost(servers, owner, core, DEFAULT_PARTITIONS)
        figures |= {f"growth_persister_{millions}m_rows_{name}": value for name, value in found.items()}
        report(f"{millions} million rows: {found}")
    first, last = (figures[f"growth_persister_{at}m_rows_all_ms_batch"] for at in (_MILLIONS[0], _MILLIONS[-1]))
    one, many = (figures[f"growth_persister_{count}_partitions_all_ms_batch"] for count in _PARTITIONS)
    size = await owner.fetchval("SELECT pg_database_size(current_database())")
    await asyncio.gather(owner.close(), admin.close())
    return figures | {
        "growth_persister_rows_ratio": round(last / first, 2),
        "growth_persister_partitions_ratio": round(many / one, 2),
        "growth_persister_database_gb": round(size / 1e9, 1),
    }


async def _cost(servers: OwnServers, owner: Any, core: int, partitions: int) -> dict[str, float]:
    client, postgres = [], []
    for _ in range(_ROUNDS):
        prefix = await publish_backlog(
            servers.kafka_bootstrap, _BATCHES, sessions=1_000, now=datetime.now(UTC), partitions=partitions
        )
        found = await drain(servers, owner, prefix, core, _BATCHES)
        client.append(found["ms_batch"])
        postgres.append(found["postgres_ms_batch"])
    return {
        "ms_batch": _median(client),
        "postgres_ms_batch": _median(postgres),
        "all_ms_batch": _median([mine + theirs for mine, theirs in zip(client, postgres, strict=True)]),
    }


async def _fill(admin: Any, rows: int, until: int) -> None:
    """Put rows into the days before today, as many in each, half of them batches and half verdicts; none is counted."""
    if until <= rows:
        return
    await admin.execute("SET session_replication_role = replica; SET synchronous_commit = off; SET timezone = 'UTC'")
    days = [row[0] for row in await admin.fetch(f"SELECT current_date - n FROM generate_series(1, {_DAYS}) AS n")]
    start, each = rows // 2 // _DAYS, (until - rows) // 2 // _DAYS
    for table, query in _FILL.items():
        await admin.execute(f"SELECT make_days('{table}', current_date - {_DAYS - 8})")
        for day in days:
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
            statement = query.format(leaf=f"{table}_{day:%Y%m%d}")
            # Vacuuming what was put there is no batch's cost.
            await admin.execute(f"ALTER TABLE {table}_{day:%Y%m%d} SET (autovacuum_enabled = off)")
            await admin.execute(statement, start, start + each - 1, at, timeout=_FILL_TIMEOUT_S)
    await admin.execute(
        "RESET session_replication_role; ANALYZE batches; ANALYZE verdicts; CHECKPOINT", timeout=_FILL_TIMEOUT_S
    )


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 4)
