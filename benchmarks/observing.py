"""What a running system uses and how far behind it is, seen from outside."""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple, Self

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.measuring import tree_cpu_s
from deploy.local.addresses import Addresses
from deploy.local.credentials import ADMIN
from shared.topics import DEFAULT_PARTITIONS, VERDICTS, Domain, events_topic

_EVENTS: Final = events_topic(Domain.BEHAVIOR)


class Usage(NamedTuple):
    """What one part uses now: CPU seconds so far, memory of its own in megabytes, open descriptors."""

    cpu_s: float
    memory_mb: float
    descriptors: int


def usage(pid: int) -> Usage:
    """Look at a part, with every process below it. Shared pages count once, by their proportional share."""
    memory, descriptors = 0.0, 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            memory += process.memory_full_info().pss / 1e6
            descriptors += process.num_fds()
        except psutil.NoSuchProcess:
            continue  # a database session that has just ended
    return Usage(tree_cpu_s(pid), memory, descriptors)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far each stage has come since the start, in batches; every batch makes one record at each stage.

    ``lag`` is the batches on the way to a stored verdict.
    """

    accepted: int
    scored: int
    persisted_batches: int
    persisted_verdicts: int
    lag: int


class Observer:
    """Reads the ends of the topics and PostgreSQL's books."""

    def __init__(self, addresses: Addresses) -> None:
        self._dsn = addresses.postgres_dsn_by_role[ADMIN]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=addresses.kafka_bootstrap, enable_auto_commit=False)
        self._start = Progress(0, 0, 0, 0, 0)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._connection = await asyncpg.connect(self._dsn)
        self._start = await self._totals()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._connection.close()
        await self._consumer.stop()

    async def progress(self) -> Progress:
        """Tell how far every stage has come since this observer began."""
        now, start = await self._totals(), self._start
        return Progress(
            now.accepted - start.accepted,
            now.scored - start.scored,
            now.persisted_batches - start.persisted_batches,
            now.persisted_verdicts - start.persisted_verdicts,
            now.lag,
        )

    async def is_drained(self) -> bool:
        """Tell whether everything accepted has been scored and stored."""
        now = await self._totals()
        return now.accepted == now.scored == now.persisted_batches == now.persisted_verdicts

    async def _totals(self) -> Progress:
        rows = await self._connection.fetch(
            "SELECT topic, sum(next_offset)::bigint AS reached FROM stream_offsets GROUP BY topic"
        )
        stored = {row["topic"]: row["reached"] for row in rows}
        events, verdicts = await self._end(_EVENTS), await self._end(VERDICTS)
        batches, judged = stored.get(_EVENTS, 0), stored.get(VERDICTS, 0)
        return Progress(events, verdicts, batches, judged, events - min(batches, judged))

    async def _end(self, topic: str) -> int:
        places = [TopicPartition(topic, number) for number in range(DEFAULT_PARTITIONS)]
        return sum((await self._consumer.end_offsets(places)).values())
