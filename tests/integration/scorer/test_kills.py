"""Whatever ends a scorer, nothing is lost, nothing is told twice, and states are what folding once gives."""

import random
import signal

import pytest

from services.scorer.stream.watermark import read_watermark
from shared.topics import VERDICTS
from tests.integration.scorer.harness import EVENTS, STATES, Field, Process, doubled, until
from tests.unit.scorer.stream.inputs import behavior

BATCHES = 24_000
SUBJECTS = 97


async def _fill(field: Field, first: int = 0, count: int = BATCHES) -> None:
    """Write numbered batches; every tenth twice, as clients do that retry."""
    numbers = (number - 1 if number % 10 == 9 else number for number in range(first, first + count))
    await field.produce(behavior(number, f"s{number % SUBJECTS}") for number in numbers)


def _distinct(count: int) -> int:
    return count - count // 10


async def _assert_exact(field: Field, count: int = BATCHES) -> None:
    await until(lambda: field.has(VERDICTS, _distinct(count)), 30.0)
    await until(field.all_committed)
    verdicts = await field.verdicts()
    assert doubled(verdicts) == 0
    assert len(verdicts) == _distinct(count)
    assert await field.states() == await field.replayed_states()


async def _watermarks(field: Field) -> dict[int, int]:
    marks = dict.fromkeys(await field.ends(STATES), 0)
    for record in await field.records(STATES):
        marks[record.partition] = max(marks[record.partition], read_watermark(record.headers).source_next)
    return marks


@pytest.mark.chaos
async def test_four_kills_under_load_lose_and_double_nothing(field: Field) -> None:
    await _fill(field)
    dice = random.Random(4)
    for kill in range(4):
        process = field.spawn()
        goal = await field.count(VERDICTS) + dice.randint(1, _distinct(BATCHES) // 8)
        await until(lambda goal=goal: field.has(VERDICTS, goal), 30.0)  # type: ignore[misc]
        process.kill()
        assert await field.count(VERDICTS) < _distinct(BATCHES), f"kill {kill} came too late"
    field.spawn()
    await _assert_exact(field)


@pytest.mark.chaos
async def test_a_second_worker_joins_and_leaves_under_load(field: Field) -> None:
    first = await field.start()
    await _fill(field, 0, 8_000)
    second = await field.start()
    await _fill(field, 8_000, 8_000)
    await second.stop()
    third = await field.start()
    await _fill(field, 16_000, 8_000)
    first.kill()
    await _assert_exact(field)
    assert await third.ready()


@pytest.mark.chaos
async def test_sigterm_under_load_leaves_exact_offsets_within_ten_seconds(field: Field) -> None:
    await _fill(field)
    process = field.spawn(TEST_JUDGE="slow")
    await until(lambda: field.has(VERDICTS, 2_000), 30.0)
    assert await process.stop() < 10
    done = await field.committed()
    assert done == await _watermarks(field)
    assert 0 < sum(done.values()) < sum((await field.ends(EVENTS)).values())
    # Each input up to the offsets has its verdict, and none beyond has.
    sources = [
        (record.partition, int(dict(record.headers)["ce_sourceoffset"])) for record in await field.records(VERDICTS)
    ]
    assert all(offset < done[partition] for partition, offset in sources)
    field.spawn()
    await _assert_exact(field)


@pytest.mark.chaos
async def test_workers_that_were_stopped_while_their_partitions_moved_write_no_more(field: Field) -> None:
    await _fill(field)
    worker = await field.start(TEST_JUDGE="slow")
    dice = random.Random(19)
    for stop in range(1, 4):
        goal = await field.count(VERDICTS) + dice.randint(1, 2_000)
        await until(lambda goal=goal: field.has(VERDICTS, goal), 30.0)  # type: ignore[misc]
        worker.popen.send_signal(signal.SIGSTOP)
        stopped_at = await field.count(VERDICTS)
        assert stopped_at < _distinct(BATCHES), f"stop {stop} came too late"
        sleeper, worker = worker, await field.start(TEST_JUDGE="slow")
        await until(lambda goal=stopped_at + 100: field.has(VERDICTS, goal), 30.0)  # type: ignore[misc]
        sleeper.popen.send_signal(signal.SIGCONT)
        assert await sleeper.ended(10.0) == 1
        assert "was stopped" in sleeper.log.read_text()
    await _assert_exact(field)


async def test_without_redis_verdicts_come_all_the_same(field: Field) -> None:
    process: Process = await field.start(TELLTALE_REDIS_URL="redis://127.0.0.1:1/0")
    await field.produce(behavior(number, reply_to="telltale:replies:x") for number in range(50))
    await until(lambda: field.has(VERDICTS, 50))
    assert await process.ready()
    answer = await process.get("/metrics")
    assert answer is not None and "telltale_redis_errors_total{" in answer.text
