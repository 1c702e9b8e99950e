"""The loop: find the place, poll, write, report."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final

from services.persister.consuming import Consumer
from services.persister.errors import Retry
from services.persister.planning import Reading
from services.persister.store import Store
from services.persister.writing import Pause, Writer
from shared import metrics

_log = logging.getLogger(__name__)
_REPORT_EVERY_S: Final = 1.0
# A transaction costs nearly the same for one record as for a hundred. After a small one, records may gather for a
# moment, which leaves the cores to those who wait for verdicts.
_GATHER_S: Final = 0.05
_SMALL_WRITE: Final = 200


class Worker:
    """Moves records from Kafka to the store until told to stop.

    Parameters
    ----------
    consumer
        The Kafka side.
    store
        Tells where to go on.
    writer
        Writes.
    max_records
        Most records in one write.
    pause
        Waits before the next attempt to reach who is away.
    """

    def __init__(self, consumer: Consumer, store: Store, writer: Writer, max_records: int, pause: Pause) -> None:
        self._consumer = consumer
        self._store = store
        self._writer = writer
        self._max_records = max_records
        self._pause = pause
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then the write in hand is finished and reported.

        Raises
        ------
        Crash
            Going on would be wrong.
        """
        started, reported_at_s = False, 0.0
        while not stop.is_set():
            try:
                if not started:
                    await self._consumer.start()
                    started = True
                if not self._consumer.positioned:
                    await self._write(await self._consumer.position(self._store.claim))
                written = await self._write(await self._consumer.poll(self._max_records))
                if time.monotonic() - reported_at_s >= _REPORT_EVERY_S:
                    await self._consumer.report()
                    reported_at_s = time.monotonic()
                self._failures = 0
                if 0 < written < _SMALL_WRITE:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), _GATHER_S)
            except Retry as away:
                metrics.PERSISTER_RETRIES.inc()
                _log.warning("waiting for who is away: %s", away)
                await self._pause(self._failures)
                self._failures += 1
        if started:
            await self._consumer.report()

    async def _write(self, readings: list[Reading]) -> int:
        """Write, and tell how many records."""
        if not readings:
            return 0
        async with self._consumer.writing:
            if not self._consumer.positioned:
                return 0  # the partitions changed before it began: whoever has them now reads these again
            await self._writer.write(readings)
            self._consumer.advance(readings)
        return sum(len(reading.items) for reading in readings)
