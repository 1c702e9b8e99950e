"""Kills, outages, lost partitions, lost records: the books and the rows stay exact, or somebody is told."""

import asyncio
import random
import re
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from services.persister.app import create_app
from services.persister.errors import PartitionTaken, StreamReplaced
from services.persister.settings import PersisterSettings
from tests.integration.persister.harness import System, cuttable, end
from tests.unit.persister.records import BEHAVIOR, Record, batch_record, verdict_of, verdict_record


def settings_of(system: System) -> PersisterSettings:
    return PersisterSettings.model_validate(
        {name.removeprefix("TELLTALE_").lower(): value for name, value in system.environment().items()}
    )


def load(tenant_id: str, count: int) -> list[Record]:
    """Batches and their verdicts on four partitions; one in ten batches is sent twice."""
    records: list[Record] = []
    for number in range(count):
        batch_id, partition = uuid.uuid4(), number % 4
        subject = f"s-{partition}"
        batch = batch_record(batch_id=batch_id, tenant_id=tenant_id, subject=f"session/{subject}", partition=partition)
        verdict = verdict_of(batch_id, tenant_id=tenant_id, subject_id=subject, batch_count=number // 4 + 1)
        records += [batch, verdict_record(0, verdict, partition=partition)]
        if number % 10 == 0:
            records.append(batch)
    return records


async def publish_slowly(system: System, records: Sequence[Record], over_s: float) -> None:
    step = max(len(records) // 100, 1)
    for start in range(0, len(records), step):
        await system.publish(records[start : start + step])
        await asyncio.sleep(over_s / 100)


async def assert_exact(system: System, tenant_id: str, batches: int, books: dict[str, int]) -> None:
    assert books == {
        "moved": batches * 2 + batches // 10,
        "persisted": batches * 2,
        "duplicates": batches // 10,
        "rejected": 0,
        "missing": 0,
    }
    for table in ("batches", "verdicts"):
        distinct = f"SELECT count(*), count(DISTINCT batch_id) FROM {table} WHERE tenant_id = $1"
        row = await system.owner.fetchrow(distinct, tenant_id)
        assert row is not None
        assert tuple(row) == (batches, batches)
        counted = f"SELECT sum({table}) FROM kpi_{table}_by_minute WHERE tenant_id = $1"
        assert await system.owner.fetchval(counted, tenant_id) == batches
    sessions = await system.owner.fetch("SELECT batch_count FROM sessions WHERE tenant_id = $1", tenant_id)
    assert [row["batch_count"] for row in sessions] == [batches // 4] * 4


@pytest.mark.chaos
async def test_kills_under_load_lose_and_double_nothing(system: System, tenant_id: str) -> None:
    batches, rounds = 4_000, 5
    records = load(tenant_id, batches)
    share = len(records) // rounds
    dice = random.Random(7)
    process = await system.start()
    for turn, number in enumerate([signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL]):
        publishing = asyncio.create_task(publish_slowly(system, records[turn * share : (turn + 1) * share], over_s=1))
        await system.until_moved((await system.books())["moved"] + 1)
        await asyncio.sleep(dice.uniform(0, 0.6))
        await end(process, number)
        await publishing
        process = await system.start()
    await system.publish(records[(rounds - 1) * share :])
    books = await system.until_moved(len(records))
    assert await end(process, signal.SIGTERM) == 0
    await assert_exact(system, tenant_id, batches, books)


async def until_it_hears(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Wait until a process that has just been started handles a signal."""
    async with asyncio.timeout(30):
        while not _caught(process) >> (number - 1) & 1:
            await asyncio.sleep(0.05)


def _caught(process: asyncio.subprocess.Process) -> int:
    """Give the set of signals that it handles, as Linux tells it."""
    [line] = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
    return int(line, 16)


@pytest.mark.chaos
async def test_two_instances_share_and_take_over(system: System, tenant_id: str) -> None:
    batches = 2_000
    records = load(tenant_id, batches)
    publishing = asyncio.create_task(publish_slowly(system, records, over_s=6))
    first, second = await system.start(), await system.start()
    await system.until_moved(len(records) // 4)
    await end(first, signal.SIGTERM)
    third = await system.start()
    await publishing
    await until_it_hears(third, signal.SIGTERM)
    books = await system.until_moved(len(records), timeout_s=30)
    codes = [await end(process, signal.SIGTERM) for process in (second, third)]
    assert set(codes) <= {0, 1}, "one that lost a partition ends with 1"
    await assert_exact(system, tenant_id, batches, books)


async def test_an_instance_that_lost_its_partition_ends(system: System, tenant_id: str) -> None:
    await system.publish([batch_record(tenant_id=tenant_id)])
    running = asyncio.create_task(create_app(settings_of(system)).run(asyncio.Event()))
    await system.until_moved(1)
    await system.owner.execute(
        "UPDATE stream_offsets SET next_offset = 2, missing = 1 WHERE topic = $1 AND partition = 0",
        system.prefix + BEHAVIOR,
    )
    await system.publish([batch_record(tenant_id=tenant_id)])
    with pytest.raises(PartitionTaken):
        await asyncio.wait_for(running, timeout=10)
    assert await system.count("batches", tenant_id) == 1


async def test_an_absent_database_is_waited_for(system: System, tenant_id: str) -> None:
    async with cuttable(system.servers.postgres_dsn_by_role["telltale_persister"]) as (dsn, line):
        process = await system.start({"TELLTALE_POSTGRES_DSN": dsn})
        await system.publish([batch_record(tenant_id=tenant_id) for _ in range(50)])
        await system.until_moved(50)
        for _ in range(3):
            line.cut()
            await system.publish([batch_record(tenant_id=tenant_id) for _ in range(50)])
            await asyncio.sleep(1)
            await line.mend()
        books = await system.until_moved(200)
        assert await end(process, signal.SIGTERM) == 0
    assert (books["persisted"], books["duplicates"]) == (200, 0)
    assert await system.count("batches", tenant_id) == 200


async def test_a_database_absent_at_the_start_is_waited_for(system: System, tenant_id: str) -> None:
    await system.publish([batch_record(tenant_id=tenant_id) for _ in range(50)])
    async with cuttable(system.servers.postgres_dsn_by_role["telltale_persister"]) as (dsn, line):
        line.cut()
        process = await system.start({"TELLTALE_POSTGRES_DSN": dsn})
        await asyncio.sleep(2)
        assert process.returncode is None
        await line.mend()
        books = await system.until_moved(50)
        assert await end(process, signal.SIGTERM) == 0
    assert books["persisted"] == 50


async def test_a_line_cut_again_and_again_under_load_loses_and_doubles_nothing(system: System, tenant_id: str) -> None:
    """Cuts fall anywhere, also between a commit and its answer."""
    batches = 2_000
    records = load(tenant_id, batches)
    dice = random.Random(3)
    async with cuttable(system.servers.postgres_dsn_by_role["telltale_persister"]) as (dsn, line):
        process = await system.start({"TELLTALE_POSTGRES_DSN": dsn})
        publishing = asyncio.create_task(publish_slowly(system, records, over_s=4))
        while not publishing.done():
            await asyncio.sleep(dice.uniform(0.05, 0.3))
            line.cut()
            await line.mend()
        books = await system.until_moved(len(records))
        assert await end(process, signal.SIGTERM) == 0
    await assert_exact(system, tenant_id, batches, books)


async def test_records_that_expired_unread_are_accounted_as_missing(system: System, tenant_id: str) -> None:
    topic = system.prefix + BEHAVIOR
    await system.publish([batch_record(tenant_id=tenant_id) for _ in range(5)])
    async with system.persister():
        await system.until_moved(5)
    await system.publish([batch_record(tenant_id=tenant_id) for _ in range(5)])
    admin = AIOKafkaAdminClient(bootstrap_servers=system.servers.kafka_bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=8)})
    await admin.close()
    async with system.persister():
        books = await system.until_moved(10)
    assert books == {"moved": 10, "persisted": 7, "duplicates": 0, "rejected": 0, "missing": 3}


async def test_books_ahead_of_their_topic_end_it(system: System) -> None:
    await system.owner.execute(
        "INSERT INTO stream_offsets (topic, partition, first_offset, next_offset, persisted) VALUES ($1, 0, 0, 9, 9)",
        system.prefix + BEHAVIOR,
    )
    with pytest.raises(StreamReplaced):
        await asyncio.wait_for(create_app(settings_of(system)).run(asyncio.Event()), timeout=15)


async def test_told_to_stop_while_everything_is_away_it_leaves_in_time(system: System) -> None:
    away = {"kafka_bootstrap": "127.0.0.1:1", "postgres_dsn": "postgresql://nobody@127.0.0.1:1/none", "http_port": 0}
    stop = asyncio.Event()
    running = asyncio.create_task(create_app(PersisterSettings.model_validate(away)).run(stop))
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.wait_for(running, timeout=10)
