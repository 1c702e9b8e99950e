"""Who waits for which verdict. Bounded: when it is full nobody more waits, and gets 202 instead."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

from services.gateway.ports import BatchKey


class Watch:
    """The verdicts one request waits for."""

    __slots__ = ("_found", "_missing", "_over")

    def __init__(self, batch_ids: Sequence[UUID]) -> None:
        self._missing = set(batch_ids)
        self._found: dict[UUID, bytes] = {}
        self._over = asyncio.Event()

    def answer(self, batch_id: UUID, verdict: bytes) -> None:
        """Note a verdict."""
        self._found[batch_id] = verdict
        self._missing.discard(batch_id)
        if not self._missing:
            self._over.set()

    def give_up(self) -> None:
        """Stop waiting: nothing more will come."""
        self._over.set()

    async def collect(self, timeout_s: float) -> Mapping[UUID, bytes]:
        """Give the verdicts (JSON) that came by then, sooner when all have."""
        if timeout_s > 0 and not self._over.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._over.wait()
            except TimeoutError:
                pass
        return self._found


class WaitingRoom:
    """Every watch, by tenant and batch; two requests may wait for the same batch.

    Parameters
    ----------
    limit
        Most batches waited for at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._watches: dict[BatchKey, list[Watch]] = {}

    def __len__(self) -> int:
        return len(self._watches)

    @contextmanager
    def expect(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Iterator[Watch]:
        """Listen for verdicts while the context is open."""
        watch = Watch(batch_ids)
        keys = [(tenant_id, batch_id) for batch_id in batch_ids]
        if len(self._watches) + len(keys) > self.limit:
            watch.give_up()
            yield watch
            return
        for key in keys:
            self._watches.setdefault(key, []).append(watch)
        try:
            yield watch
        finally:
            for key in keys:
                watches = self._watches[key]
                watches.remove(watch)
                if not watches:
                    del self._watches[key]

    def answer(self, key: BatchKey, verdict: bytes) -> None:
        """Hand a verdict to those who wait for it, if any still do."""
        for watch in self._watches.get(key, ()):
            watch.answer(key[1], verdict)

    def give_up(self) -> None:
        """Let everybody go with what they have: no reply would be heard."""
        for watches in self._watches.values():
            for watch in watches:
                watch.give_up()
