import asyncio

import pytest

from services.scorer.stream.assignments import Assignments, Place
from services.scorer.stream.lane import Lane
from tests.unit.scorer.stream.counting import CountState
from tests.unit.scorer.stream.world import World

PLACES = [Place("events", number) for number in range(3)]


class Restores:
    """Lanes, made when the gate is open."""

    def __init__(self) -> None:
        self.made: list[Place] = []
        self.gate = asyncio.Event()
        self.failures: list[str] = []

    async def restore(self, place: Place) -> Lane[CountState]:
        await self.gate.wait()
        self.made.append(place)
        return await World().life()

    def assignments(self, timeout_s: float = 5.0) -> Assignments:
        return Assignments(self.restore, timeout_s, self.failures.append)


async def test_ready_when_every_partition_is_restored() -> None:
    restores = Restores()
    assignments = restores.assignments()
    states = [assignments.ready]
    assignments.assign(1, PLACES)
    states.append(assignments.ready)
    restores.gate.set()
    for place in PLACES:
        await assignments.lane(1, place)
    states.append(assignments.ready)
    assert states == [False, False, True]
    assert sorted(restores.made) == PLACES


async def test_ready_with_no_partition_at_all() -> None:
    assignments = Restores().assignments()
    assignments.assign(1, [])
    assert assignments.ready


async def test_a_chunk_before_the_news_of_its_assignment_starts_the_same_restore() -> None:
    restores = Restores()
    restores.gate.set()
    assignments = restores.assignments()
    lane = await assignments.lane(1, PLACES[0])
    assignments.assign(1, PLACES)
    assert await assignments.lane(1, PLACES[0]) is lane


async def test_every_generation_restores_anew() -> None:
    restores = Restores()
    restores.gate.set()
    assignments = restores.assignments()
    assignments.assign(1, PLACES)
    first = await assignments.lane(1, PLACES[0])
    assignments.revoke()
    assert not assignments.ready
    assignments.assign(2, PLACES[:1])
    assert await assignments.lane(2, PLACES[0]) is not first
    assert list(assignments.restored) == PLACES[:1]


async def test_a_restore_that_takes_too_long_is_a_failure() -> None:
    restores = Restores()
    assignments = restores.assignments(timeout_s=0.01)
    assignments.assign(1, PLACES[:1])
    with pytest.raises(TimeoutError):
        await assignments.lane(1, PLACES[0])
    assert len(restores.failures) == 1
    assert not assignments.ready
