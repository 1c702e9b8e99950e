"""Whenever a scorer ends, its successor finds out from the logs what is left to do."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.stream.lane import GapInInput
from services.scorer.stream.ports import OutRecord, PublishFailed
from services.scorer.stream.watermark import StateLogBroken
from shared.topics import VERDICTS
from tests.unit.scorer.stream.counting import CountingJudge
from tests.unit.scorer.stream.inputs import Input, behavior
from tests.unit.scorer.stream.world import EVENTS, PARTITION, STATES, World

# Few subjects and few numbers: duplicates and several batches of a subject in a chunk are common.
batches = st.builds(lambda number, subject: behavior(number, f"s{subject}"), st.integers(0, 40), st.integers(0, 3))
garbage = st.builds(lambda number: Input(b"acme:session/s1", b"{", behavior(number).headers), st.integers(0, 40))


async def _live(world: World, sizes: list[int], lags: list[int]) -> None:
    """Score everything, starting anew after each failed write, from an offset committed somewhat earlier."""
    committed = 0
    steps = 0
    while True:
        lane, position = await world.life(), committed
        try:
            while position < len(world.events):
                size = sizes[steps % len(sizes)]
                await lane.score(world.events[position : position + size])
                position = min(position + size, len(world.events))
                committed = max(committed, position - lags[steps % len(lags)])
                steps += 1
            return
        except PublishFailed:
            steps += 1


@settings(max_examples=150, deadline=None)
@given(
    inputs=st.lists(st.one_of(batches, batches, batches, garbage), min_size=1, max_size=60),
    sizes=st.lists(st.integers(1, 25), min_size=1, max_size=6),
    lags=st.lists(st.integers(0, 20), min_size=1, max_size=6),
    fail=st.dictionaries(st.integers(0, 40), st.booleans(), max_size=12),
    max_batch_bytes=st.sampled_from([8_000, 16_000, 8_388_608]),
    padding=st.sampled_from([0, 4_000]),
)
def test_ends_at_any_write_lose_and_double_nothing(
    inputs: list[Input], sizes: list[int], lags: list[int], fail: dict[int, bool], max_batch_bytes: int, padding: int
) -> None:
    world = World(inputs, max_batch_bytes=max_batch_bytes)
    world.judge = CountingJudge(padding)  # states can outgrow a record batch after their verdicts were written
    world.log.fail = fail
    asyncio.run(_live(world, sizes, lags))
    undisturbed = World(inputs)
    asyncio.run(undisturbed.score_all())
    assert world.verdicts() == undisturbed.verdicts()
    assert world.states() == undisturbed.states() == undisturbed.folded_once()
    assert {letter.dead_letter_id for letter in world.letters()} == {
        letter.dead_letter_id for letter in undisturbed.letters()
    }


async def test_what_was_told_but_not_remembered_is_folded_again_and_not_told_again() -> None:
    world = World(behavior(number) for number in range(4))
    world.log.fail = {2: False}  # the verdicts are written, the states are not
    with pytest.raises(PublishFailed):
        await world.score_all()
    assert len(world.verdicts()) == 4 and world.states() == {}
    await world.score_all(size=3)
    assert len(world.verdicts()) == 4
    assert world.states() == world.folded_once()


async def test_a_late_write_of_a_worker_that_lost_the_partition_changes_no_state() -> None:
    world = World(behavior(number, f"s{number % 3}") for number in range(30))
    old = await world.life()
    await old.score(world.events[:10])
    new = await world.life()
    await new.score(world.events[10:20])
    await new.score(world.events[20:])
    await old.score(world.events[10:15])
    successor = await world.life()
    assert successor.held.mark.source_next == 30
    assert world.states() == world.folded_once()


async def test_a_chunk_that_leaves_inputs_out_is_refused() -> None:
    world = World(behavior(number) for number in range(10))
    lane = await world.life()
    await lane.score(world.events[:3])
    with pytest.raises(GapInInput):
        await lane.score(world.events[5:])


async def test_the_first_inputs_ever_cannot_be_passed_over_either() -> None:
    world = World(behavior(number) for number in range(10))
    lane = await world.life()
    with pytest.raises(GapInInput):
        await lane.score(world.events[2:])


async def test_a_gap_that_retention_made_is_none_after_a_restart() -> None:
    world = World(behavior(number) for number in range(10))
    lane = await world.life()
    await lane.score(world.events[:3])
    del world.events[:5]
    successor = await world.life()
    await successor.score(world.events)
    assert successor.held.mark.source_next == 10


async def test_verdicts_are_searched_only_when_inputs_wait() -> None:
    world = World(behavior(number) for number in range(10))
    await world.score_all()
    reads: list[tuple[str, int | None]] = []
    read = world.log.read

    def noting(topic: str, partition: int, start: int | None) -> Any:
        reads.append((topic, start))
        return read(topic, partition, start)

    world.log.read = noting  # type: ignore[method-assign]
    await world.life()
    assert reads == [(STATES, None)]
    world.add([behavior(100)])
    await world.life()
    assert reads[1:] == [(STATES, None), (VERDICTS, 10)]


async def test_a_foreign_record_in_the_state_log_stops_the_scorer() -> None:
    world = World()
    await world.log.publish(STATES, PARTITION, [OutRecord(b"k", b"v", [])])
    with pytest.raises(StateLogBroken):
        await world.life()


async def test_other_sources_verdicts_do_not_count() -> None:
    world = World(behavior(number) for number in range(3))
    other = World(behavior(number) for number in range(100, 150))
    await other.score_all()
    for record in other.log.partitions[VERDICTS, PARTITION]:
        headers = [(name, b"events.fleet.v1" if name == "ce_sourcetopic" else value) for name, value in record.headers]
        await world.log.publish(VERDICTS, PARTITION, [OutRecord(record.key or b"", record.value, headers)])
    await world.score_all()
    assert len(world.verdicts()) == 53
    assert EVENTS == "events.behavior.v1"


async def test_failures_leave_what_is_held_as_the_log_has_it() -> None:
    world = World(behavior(number) for number in range(4))
    lane = await world.life()
    world.log.fail = {0: False}
    with contextlib.suppress(PublishFailed):
        await lane.score(world.events)
    assert len(lane.held) == 0 and lane.held.mark.source_next == 0
