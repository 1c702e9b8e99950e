"""Questions to what must be there before any event: files, supervisor, Kafka, PostgreSQL, Redis."""

import shutil
from typing import Final

import asyncpg
import psutil

from deploy.local import parts, postgres, probes
from deploy.local.demo import ensure_key
from deploy.operate.doctor.examine import Broken
from deploy.operate.doctor.walk import KEY_NAME, TENANT, Walk
from deploy.provision.migrations import MIGRATIONS
from deploy.provision.roles import OWNER
from shared.topics import TOPICS

_LEAST_FREE_BYTES: Final = 64 * 1024 * 1024


async def secrets(walk: Walk) -> str:
    """Look for the secrets file; nothing else may be asked before, because asking would make it."""
    path = walk.settings.root / "secrets.env"
    if not path.is_file():
        raise Broken(f"there is no {path}", "make up DETACH=1")
    return f"{path} holds {len(walk.stack.credentials.values)} values"


async def supervisor(walk: Walk) -> str:
    """Look at supervisord's process; it is not asked, for it may be stopped."""
    process = walk.stack.supervisor.process()
    if process is None:
        raise Broken("no supervisord runs for this directory")
    if process.status() == psutil.STATUS_STOPPED:
        raise Broken(f"supervisord, pid {process.pid}, is stopped by a signal", f"kill -CONT {process.pid}")
    return f"supervisord runs, pid {process.pid}"


async def disk(walk: Walk) -> str:
    """Look for space where Kafka and PostgreSQL write."""
    places = {"Kafka": parts.kafka_of(walk.settings).place, "PostgreSQL": postgres.locate(walk.settings).place}
    free_bytes = {name: shutil.disk_usage(place).free for name, place in places.items()}
    told = ", ".join(f"{name} has {free // 2**20} MiB free in {places[name]}" for name, free in free_bytes.items())
    if full := [name for name, free in free_bytes.items() if free < _LEAST_FREE_BYTES]:
        raise Broken(told, f"df -h {places[full[0]]}")
    return told


async def kafka(walk: Walk) -> str:
    """Ask which brokers are in the cluster."""
    await probes.kafka_ready(walk.settings.kafka_bootstrap)
    return f"a broker answers at {walk.settings.kafka_bootstrap}"


async def topics(walk: Walk) -> str:
    """Ask for every topic, and begin to read where the probe will come by."""
    if missing := sorted({topic.name for topic in TOPICS} - await walk.subscribe()):
        raise Broken(f"missing: {', '.join(missing)}")
    return f"all {len(TOPICS)} topics are there"


async def database(walk: Walk) -> str:
    """Ask PostgreSQL anything."""
    await probes.postgres_ready(walk.addresses.postgres_dsn_by_role[OWNER])
    return f"a query is answered at port {walk.settings.postgres_port}"


async def schema(walk: Walk) -> str:
    """Compare the migrations applied with the ones there are."""
    wanted = {path.stem for path in MIGRATIONS.glob("*.sql") if not path.stem.endswith(".rollback")}
    rows = await rows_of(walk, "SELECT migration_id FROM _yoyo_migration")
    if missing := sorted(wanted - {row["migration_id"] for row in rows}):
        raise Broken(f"not applied: {', '.join(missing)}")
    return f"{len(wanted)} migrations applied"


async def redis(walk: Walk) -> str:
    """Ask Redis for a PONG."""
    await probes.redis_ready(walk.addresses.redis_url)
    return f"PING is answered at port {walk.settings.redis_port}"


async def api_key(walk: Walk) -> str:
    """Take the key of the probe's own tenant, or make one; while PostgreSQL is away the kept one serves."""
    kept = walk.stack.credentials.values.get(KEY_NAME, "")
    walk.api_key = kept
    try:
        walk.api_key = await ensure_key(
            walk.addresses.postgres_dsn_by_role[OWNER], walk.settings.root, TENANT, KEY_NAME
        )
    except (OSError, asyncpg.PostgresError) as error:
        if not kept:
            raise Broken(f"none is kept, and PostgreSQL makes none: {type(error).__name__}") from None
        return f"the kept key of tenant {TENANT}; PostgreSQL was not there to confirm it"
    return f"tenant {TENANT} has an active key"


async def rows_of(walk: Walk, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Ask PostgreSQL as the owner."""
    connection = await asyncpg.connect(walk.addresses.postgres_dsn_by_role[OWNER])
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        connection.terminate()
