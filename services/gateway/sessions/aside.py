"""Work that no request waits for: tracked, bounded, ended at the close."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

_MOST: Final = 64


class Aside:
    """Runs work beside requests, one piece at a time for each key; beyond a bound a piece is left for the next try."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def run(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a piece of work, unless one of its key is under way. The work handles its own failures."""
        if key in self._tasks or len(self._tasks) >= _MOST:
            return

        async def worked() -> None:
            await work()

        task = asyncio.create_task(worked(), name="aside")
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key))  # also when it is cancelled before its first step

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def stop(self) -> None:
        """End what is under way."""
        for task in list(self._tasks.values()):
            task.cancel()
        await self.settled()
