"""One write: look up, plan, publish dead letters, write; and the reaction to each thing that can go wrong."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.persister.errors import Crash, PartitionTaken, PlanOutdated, Retry, RowsRefused
from services.persister.letters import LetterBox
from services.persister.planning import Reading, WritePlan, asked_of, plan_write, reject_rows
from services.persister.reading import DOMAIN, EVENT_COUNT, Rejection, Table
from services.persister.store import Store
from shared import metrics
from shared.contracts.dead_letter import DeadLetter

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S: Final = 5.0
_MAX_REPLANS: Final = 10
_TIMED_ROWS: Final = 100  # of each write and table: enough for quantiles, and cheap; PostgreSQL counts every row

Pause = Callable[[int], Awaitable[None]]


async def pause_with_jitter(attempt: int) -> None:
    """Wait longer with each attempt, up to 5 seconds, at random so that instances do not come back all at once."""
    await asyncio.sleep(random.uniform(0.02, min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(attempt, 10))))


class Writer:
    """Writes readings, each offset exactly once, however often it must try.

    Parameters
    ----------
    store
        Where rows and books go.
    letters
        Where rejected records go first.
    pause
        Waits before the next attempt; is told how many there were.
    """

    def __init__(self, store: Store, letters: LetterBox, pause: Pause) -> None:
        self._store = store
        self._letters = letters
        self._pause = pause
        self.store_answers = True

    async def write(self, readings: Sequence[Reading]) -> WritePlan:
        """Write until written.

        Raises
        ------
        Crash
            Another instance writes one of these partitions, or planning does not come to an end.
        """
        published: set[UUID] = set()
        attempts = replans = 0
        plan: WritePlan | None = None
        while True:
            try:
                if attempts and plan is not None and await self._was_written(readings):
                    break
                plan = plan_write(readings, await self._store.seen(asked_of(readings)))
                await self._publish(plan.letters, published)
                with metrics.PERSISTER_WRITE_SECONDS.time():
                    await self._store.write(plan)
                break
            except RowsRefused as refused:
                _log.warning("dead-lettering what the store refuses: %s", refused)
                readings = reject_rows(readings, refused.refusals)
            except PlanOutdated as outdated:
                replans += 1
                if replans > _MAX_REPLANS:
                    raise Crash(f"planned {replans} times and the store still disagrees: {outdated}") from outdated
            except Retry as away:
                self.store_answers = False
                metrics.PERSISTER_RETRIES.inc()
                _log.warning("not written yet, trying again: %s", away)
                await self._pause(attempts)
                attempts += 1
        self.store_answers = True
        _count(readings, plan)
        return plan

    async def _was_written(self, readings: Sequence[Reading]) -> bool:
        """Tell whether an attempt with an unknown end was committed after all."""
        found = await self._store.next_offsets([reading.stream for reading in readings])
        if all(found.get(reading.stream) == reading.next_offset for reading in readings):
            return True
        if all(found.get(reading.stream) == reading.first for reading in readings):
            return False
        raise PartitionTaken("while the store was away another instance moved the next offset")

    async def _publish(self, letters: Sequence[DeadLetter], published: set[UUID]) -> None:
        fresh = [letter for letter in letters if letter.dead_letter_id not in published]
        if not fresh:
            return
        await self._letters.publish(fresh)
        published.update(letter.dead_letter_id for letter in fresh)
        for letter in fresh:
            metrics.DEAD_LETTERS.labels("persister", letter.reason).inc()


def _count(readings: Sequence[Reading], plan: WritePlan) -> None:
    for move in plan.advances:
        for outcome in ("persisted", "duplicates", "rejected", "missing"):
            if count := getattr(move, outcome):
                metrics.PERSISTER_RECORDS.labels(move.topic, outcome).inc(count)
        if move.missing:
            _log.error("offsets are missing", extra={"books": move._asdict()})
    for reading in readings:
        for item in reading.items:
            if isinstance(item, Rejection) and not item.published:
                _log.error("a dead letter could not be stored", extra={"source_offset": item.letter.source_offset})
    now = datetime.now(UTC)
    for table in (Table.BATCHES, Table.VERDICTS):
        rows = plan.rows[table]
        observe = metrics.PERSISTER_ROW_SECONDS.labels(table).observe
        for row in rows[:: 1 + len(rows) // _TIMED_ROWS]:
            observe((now - row.values[0]).total_seconds())
    events: Counter[str] = Counter()
    for row in plan.rows[Table.BATCHES]:
        events[row.values[DOMAIN]] += row.values[EVENT_COUNT]
    for domain, count in events.items():
        metrics.PERSISTER_EVENTS.labels(domain).inc(count)
