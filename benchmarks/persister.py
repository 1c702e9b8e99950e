"""The persister beside plain COPY, and beside a plain Kafka loop with COPY and compare-and-set, on real servers.

Client on one core, Kafka and PostgreSQL (fsync, the local stack's settings) on the other. A batch is its row, its
verdict's row and its session.
"""

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.measuring import Report, cores, medians, pin
from benchmarks.persister_backlog import TOPICS, publish_backlog
from benchmarks.persister_process import Meter, drain, pin_tree
from benchmarks.servers import OwnServers, own_servers
from deploy.provision.roles import OWNER
from services.persister.planning import Stream, read_stream
from services.persister.postgres import open_pool
from services.persister.reading import COLUMNS, READERS, Row, Table

_BATCHES: Final = 12_000
_ROUNDS: Final = 3
_MAX_RECORDS: Final = 10_000
_PLAIN: Final = {Table.BATCHES: "plain_batches", Table.VERDICTS: "plain_verdicts"}


def measure(report: Report) -> dict[str, Any]:
    """Measure; rates are batches a second by the clock, costs milliseconds of CPU a batch."""
    mine, theirs = cores()[-1], cores()[0]
    pin(os.getpid(), mine)
    with own_servers("persister") as servers:
        pin_tree(servers.postgres_pid, theirs)
        pin(servers.kafka_pid, theirs)
        return uvloop.run(_measure(servers, mine, report))


async def _measure(servers: OwnServers, core: int, report: Report) -> dict[str, Any]:
    rounds: list[dict[str, float]] = []
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    await _make_plain_tables(owner)
    for turn in range(_ROUNDS):
        figures: dict[str, float] = {}
        for name, work in _WORKS.items():
            prefix = await publish_backlog(servers.kafka_bootstrap, _BATCHES, sessions=1_000, now=datetime.now(UTC))
            found = await work(servers, owner, prefix, core, _BATCHES)
            figures |= {f"persister_{name}{figure}": value for figure, value in found.items()}
            report(f"round {turn + 1} of {_ROUNDS}, {name or 'ours_'}{found}")
        rounds.append(figures)
    await owner.close()
    return _summed_up(medians(rounds))


def _summed_up(found: Mapping[str, float]) -> dict[str, Any]:
    figures = {name: round(value, 4 if value < 10 else 0) for name, value in found.items()}
    both = found["persister_ms_batch"] + found["persister_postgres_ms_batch"]
    limit = found["persister_limit_ms_batch"] + found["persister_limit_postgres_ms_batch"]
    peer = found["persister_peer_ms_batch"] + found["persister_peer_postgres_ms_batch"]
    return figures | {
        "persister_all_ms_batch": round(both, 4),
        "persister_cpu_to_limit_ratio": round(both / limit, 2),
        "persister_cpu_to_peer_ratio": round(both / peer, 2),
        "persister_two_to_one_cpu_ratio": round(
            (found["persister_two_ms_batch"] + found["persister_two_postgres_ms_batch"]) / both, 2
        ),
    }


async def _copy(servers: OwnServers, owner: Any, prefix: str, core: int, batches: int) -> dict[str, float]:
    """Copy rows that are in memory, into tables without key, index or trigger."""
    chunks = [rows async for rows in _chunks(servers, prefix)]
    async with _connection(servers) as connection:
        meter = Meter(servers, time.process_time)
        for rows in chunks:
            async with connection.transaction():
                await _copy_rows(connection, rows)
        return meter.figures(batches)


async def _plain_loop(servers: OwnServers, owner: Any, prefix: str, core: int, batches: int) -> dict[str, float]:
    """Poll, read, copy with compare-and-set of the offset: no look-up, no key, no counts, no sessions."""
    async with _connection(servers) as connection:
        meter = Meter(servers, time.process_time)
        async for rows in _chunks(servers, prefix):
            async with connection.transaction():
                await connection.execute("UPDATE plain_offset SET next_offset = next_offset + $1", len(rows))
                await _copy_rows(connection, rows)
        return meter.figures(batches)


async def _copy_rows(connection: Any, rows: Sequence[Row]) -> None:
    for table, leaf in _PLAIN.items():
        values = [row.values for row in rows if row.table is table]
        await connection.copy_records_to_table(leaf, records=values, columns=COLUMNS[table])


async def _chunks(servers: OwnServers, prefix: str) -> AsyncIterator[list[Row]]:
    """Give the backlog's rows as polled."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers.kafka_bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 * 1024 * 1024, fetch_max_wait_ms=50,
    )  # fmt: skip
    await consumer.start()
    try:
        consumer.assign([TopicPartition(prefix + topic, partition) for topic in TOPICS for partition in range(4)])
        got = 0
        while got < 2 * _BATCHES:
            found = await consumer.getmany(timeout_ms=250, max_records=_MAX_RECORDS)
            rows: list[Row] = []
            for tp, records in found.items():
                reading = read_stream(READERS[tp.topic.removeprefix(prefix)], Stream(*tp), records[0].offset, records)
                assert reading is not None
                rows += [item for item in reading.items if isinstance(item, Row)]
            got += len(rows)
            if rows:
                yield rows
    finally:
        await consumer.stop()


@asynccontextmanager
async def _connection(servers: OwnServers) -> AsyncIterator[Any]:
    pool = await open_pool(servers.postgres_dsn_by_role[OWNER])
    try:
        async with pool.acquire() as connection:
            yield connection
    finally:
        pool.terminate()


async def _two(servers: OwnServers, owner: Any, prefix: str, core: int, batches: int) -> dict[str, float]:
    """Two persisters on the core of one: they wait for each other's counts, and should cost no more."""
    return await drain(servers, owner, prefix, core, batches, processes=2)


async def _make_plain_tables(owner: Any) -> None:
    for table, plain in _PLAIN.items():
        await owner.execute(
            f"CREATE TABLE {plain} (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE)"
        )
    await owner.execute("CREATE TABLE plain_offset AS SELECT 0::bigint AS next_offset")


_WORKS: Final = {"": drain, "two_": _two, "limit_": _copy, "peer_": _plain_loop}
