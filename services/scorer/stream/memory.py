"""Kafka and trials in memory, for tests and for offline use."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from services.scorer.stream.ports import BatchTooLarge, OutRecord
from shared.dead_letters import ConsumedRecord


class LogRecord(NamedTuple):
    """A record as it lies in the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class MemoryLog:
    """Publisher and reader over lists.

    Parameters
    ----------
    max_batch_bytes
        Keys and values that fit into one record batch.
    """

    def __init__(self, max_batch_bytes: int = 8_388_608) -> None:
        self._max_batch_bytes = max_batch_bytes
        self.partitions: defaultdict[tuple[str, int], list[LogRecord]] = defaultdict(list)

    async def publish(self, topic: str, partition: int, records: Sequence[OutRecord]) -> int | None:
        """See `Publisher`."""
        if sum(len(key) + len(value or b"") for key, value, _ in records) > self._max_batch_bytes:
            raise BatchTooLarge(f"{len(records)} records for {topic}")
        log = self.partitions[topic, partition]
        first = len(log)
        log.extend(
            LogRecord(first + index, 0, record.key, record.value, tuple(record.headers))
            for index, record in enumerate(records)
        )
        return first

    async def publish_by_key(self, topic: str, records: Sequence[OutRecord]) -> None:
        """See `Publisher`; there is one partition."""
        for record in records:
            await self.publish(topic, 0, [record])

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """See `LogReader`."""
        log = self.partitions[topic, partition]
        return (log[0].offset, log[-1].offset + 1) if log else (0, 0)

    async def read(self, topic: str, partition: int, start: int | None) -> AsyncIterator[Sequence[ConsumedRecord]]:
        """See `LogReader`."""
        found = [record for record in self.partitions[topic, partition] if record.offset >= (start or 0)]
        if found:
            yield found


class MemoryTrial:
    """Runs steps right here. What would end a process ends only the trial."""

    async def survived(self, step: Callable[[int], object], count: int) -> int:
        """See `Trial`."""
        for index in range(count):
            try:
                step(index)
            except (MemoryError, SystemExit):
                return index
        return count
