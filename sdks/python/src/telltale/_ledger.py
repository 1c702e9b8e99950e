"""What became of every event: counters, callbacks, and those who wait for an answer."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from telltale._buffer import Batch, Buffer, Key
from telltale._errors import Refused
from telltale._models import Dropped, DropReason, OnDrop, OnReceipt, Receipt, Stats

_log: Final = logging.getLogger("telltale")
_Told = TypeVar("_Told")


class Ledger:
    """Keeps account of events and tells the caller. Every batch, or every part of it, is reported once.

    Parameters
    ----------
    buffer
        Where room is freed as events settle.
    on_drop, on_receipt
        The caller's callbacks; an exception in one is logged and goes no further.
    """

    def __init__(self, buffer: Buffer, on_drop: OnDrop | None, on_receipt: OnReceipt | None) -> None:
        self._buffer = buffer
        self._on_drop = on_drop or _warn
        self._on_receipt = on_receipt
        self._answers: dict[Batch, asyncio.Future[Receipt | Exception]] = {}
        self._watching: dict[Key, list[set[UUID]]] = {}
        self._delivered = self._dropped = self._unknown = 0
        self._refused_told = self._requests = self._retries = 0

    def stats(self) -> Stats:
        """Give the counters, all of one moment."""
        buffer = self._buffer
        with buffer.lock:
            return Stats(
                added=buffer.added,
                delivered=self._delivered,
                dropped=self._dropped,
                unknown=self._unknown,
                buffered=buffer.event_count,
                refused=buffer.refused,
                requests=self._requests,
                retries=self._retries,
            )

    def report_refused(self) -> None:
        """Tell of the events refused since last time, in one sum."""
        refused = self._buffer.refused
        fresh = refused - self._refused_told
        if fresh:
            self._refused_told = refused
            _tell(self._on_drop, Dropped(reason="buffer_full", event_count=fresh, detail="not taken in"))

    async def outcome_of(self, batch: Batch) -> Receipt | Exception:
        """Wait for the batch's receipt, or the error that ended it."""
        if batch.outcome is not None:
            return batch.outcome
        answer = self._answers.get(batch)
        if answer is None:
            answer = self._answers[batch] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(answer)

    @contextmanager
    def watching(self, key: Key) -> Iterator[set[UUID]]:
        """Give a set that takes the id of each batch of the subject that is delivered meanwhile."""
        ids: set[UUID] = set()
        self._watching.setdefault(key, []).append(ids)
        try:
            yield ids
        finally:
            others = [other for other in self._watching.pop(key) if other is not ids]
            if others:
                self._watching[key] = others

    def sent(self, *, again: bool) -> None:
        """Count a request."""
        self._requests += 1
        self._retries += again
        self.report_refused()

    def delivered(self, batch: Batch, receipt: Receipt | None) -> None:
        """Account for a batch the server has."""
        with self._buffer.lock:
            self._delivered += batch.event_count
            self._buffer.settle(batch.event_count)
        receipt = receipt or Receipt(batch_id=batch.batch_id, events=batch.event_count)
        for ids in self._watching.get(batch.key, ()):
            ids.add(batch.batch_id)
        self._answer(batch, receipt)
        if self._on_receipt:
            _tell(self._on_receipt, receipt)

    def dropped(self, batches: Sequence[Batch], reason: DropReason, error: Exception) -> None:
        """Account for batches that were given up."""
        count = sum(batch.event_count for batch in batches)
        with self._buffer.lock:
            if reason == "unknown":
                self._unknown += count
            else:
                self._dropped += count
            self._buffer.settle(count)
        for batch in batches:
            self._answer(batch, error)
        dropped = Dropped(
            reason=reason,
            event_count=count,
            batch_ids=tuple(batch.batch_id for batch in batches),
            problem=error.problem if isinstance(error, Refused) else None,
            detail=str(error),
        )
        _tell(self._on_drop, dropped)

    def _answer(self, batch: Batch, outcome: Receipt | Exception) -> None:
        if not batch.answers:
            return
        batch.root.outcome = outcome
        waiting = self._answers.pop(batch.root, None)
        if waiting and not waiting.done():
            waiting.set_result(outcome)


def _tell(callback: Callable[[_Told], None], told: _Told) -> None:
    try:
        callback(told)
    except Exception:
        _log.exception("a callback failed")


def _warn(dropped: Dropped) -> None:
    _log.warning("dropped %d events: %s %s", dropped.event_count, dropped.reason, dropped.detail)
