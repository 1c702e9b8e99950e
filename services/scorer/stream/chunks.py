"""Faust with one event per polled chunk of records, and with a producer that writes nothing twice.

Written against the inside of faust-streaming 0.15.3, which is therefore pinned exactly.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, cast

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.futures import notify

_RATE_WINDOW_S: Final = 0.25
_QUIET_RATE: Final = 250.0  # records a second: up to here nothing waits
_BUSY_RATE: Final = 1_000.0  # above the quiet rate: from here on the pause is longest
_LONGEST_GATHERING_S: Final = 0.03
_LARGE_POLL: Final = 200


class Gathering:
    """How long to let records gather between polls: the busier, the longer, because a chunk costs more than a record.

    When it is quiet no record waits. Polls that are large by themselves need no waiting either.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._records = 0
        self._rate = 0.0

    def pause_s(self, now_s: float, records: int) -> float:
        """Note a poll and give the pause after it, in seconds."""
        self._records += records
        elapsed_s = now_s - self._since_s
        if elapsed_s >= _RATE_WINDOW_S:
            self._rate = self._records / elapsed_s
            self._since_s, self._records = now_s, 0
        if records >= _LARGE_POLL:
            return 0.0
        return _LONGEST_GATHERING_S * min(1.0, max(0.0, self._rate - _QUIET_RATE) / _BUSY_RATE)


class ChunkConsumer(driver.Consumer):
    """Delivers all records of one partition that one poll returned as the value of a single message.

    A partition's chunks are acknowledged in order, one at a time. So the last acknowledged offset says it all, and
    Faust's search for gaps between single offsets is not needed.
    """

    async def _drain_messages(self, fetcher: Any) -> None:
        gathering = Gathering(time.monotonic())
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                records, _ = await self._wait_next_records(timeout=1.0)
                await asyncio.sleep(0)
                if records and not self.flow_active:
                    # A poll that lasts through a rebalance returns what is next in the new assignment: keep it, because
                    # the position has moved on.
                    await self.wait(cast(Any, self.can_resume_flow))
                generation, ours = self.app.consumer_generation_id, self.assignment()
                for place, chunk in (records or {}).items():
                    # From here on a rebalance sets our positions back to what is committed: nothing dropped is lost.
                    if not self.flow_active or self.app.consumer_generation_id != generation:
                        break
                    if TP(place.topic, place.partition) not in ours:
                        continue
                    message = self._to_message(TP(place.topic, place.partition), chunk[-1])
                    message.generation_id = generation
                    message.value = chunk  # type: ignore[assignment]
                    await self.callback(message)
                count = sum(len(chunk) for chunk in (records or {}).values())
                if pause_s := gathering.pause_s(time.monotonic(), count):
                    await asyncio.sleep(pause_s)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def ack(self, message: Any) -> bool:
        """Note that everything up to the end of a chunk is done."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._acked[message.tp] = [message.offset]
        self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def _new_offset(self, tp: Any) -> int | None:
        acked = self._acked[tp]
        return acked[-1] + 1 if acked else None

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Do nothing: our own watchdog sees a stall, and acts on it."""

    def on_buffer_full(self, tp: Any) -> None:
        """Do nothing: the full queue itself holds the fetcher back."""

    def on_buffer_drop(self, tp: Any) -> None:
        """Do nothing, see `on_buffer_full`."""


class IdempotentProducer(driver.Producer):
    """A producer whose retries the broker recognises."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class ChunkTransport(driver.Transport):
    """Kafka with the two above."""

    Consumer = ChunkConsumer
    Producer = IdempotentProducer
