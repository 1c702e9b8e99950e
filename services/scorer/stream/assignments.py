"""The partitions a worker has, each restored anew after every assignment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

from services.scorer.stream.lane import Lane

_RESTORES_AT_ONCE: Final = 4


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Assignments:
    """Lanes by partition and group generation.

    A lane belongs to one generation: every rebalance starts new ones, also for partitions that stay with this worker.
    Between two generations another worker may have had the partition, and telling that apart saves little: the logs
    are compacted and a rebuild takes tens of milliseconds, while a lane kept in error would undo another's work.

    Parameters
    ----------
    restore
        Makes the lane of a partition.
    timeout_s
        Longest restore of one partition.
    on_failure
        Told why a restore failed.
    """

    def __init__(
        self,
        restore: Callable[[Place], Awaitable[Lane[Any]]],
        timeout_s: float,
        on_failure: Callable[[str], object],
    ) -> None:
        self._restore = restore
        self._timeout_s = timeout_s
        self._on_failure = on_failure
        self._permits = asyncio.Semaphore(_RESTORES_AT_ONCE)
        self._generation = -1
        self._lanes: dict[Place, asyncio.Task[Lane[Any]]] = {}
        self.settled = False

    def revoke(self) -> None:
        """Drop every lane: a rebalance has begun."""
        self.settled = False
        for task in self._lanes.values():
            task.cancel()
        self._lanes = {}

    def assign(self, generation: int, places: Iterable[Place]) -> None:
        """Begin to restore the partitions of a new generation."""
        self._enter(generation)
        for place in places:
            self._begin(place)
        self.settled = True

    async def lane(self, generation: int, place: Place) -> Lane[Any]:
        """Give a partition's lane, restored. A chunk can be faster than the news of its assignment."""
        self._enter(generation)
        return await asyncio.shield(self._begin(place))

    @property
    def restored(self) -> dict[Place, Lane[Any]]:
        """The lanes that are ready."""
        return {
            place: task.result()
            for place, task in self._lanes.items()
            if task.done() and not task.cancelled() and task.exception() is None
        }

    @property
    def ready(self) -> bool:
        """Whether the group has told our partitions and all are restored."""
        return self.settled and len(self.restored) == len(self._lanes)

    def _enter(self, generation: int) -> None:
        if generation > self._generation:
            self.revoke()
            self._generation = generation

    def _begin(self, place: Place) -> asyncio.Task[Lane[Any]]:
        task = self._lanes.get(place)
        if task is None:
            task = asyncio.create_task(self._restore_one(place), name=f"restore-{place.topic}-{place.partition}")
            self._lanes[place] = task
        return task

    async def _restore_one(self, place: Place) -> Lane[Any]:
        async with self._permits:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._restore(place)
            except Exception as error:
                self._on_failure(f"{place.topic}/{place.partition} was not restored: {type(error).__name__}: {error}")
                raise
