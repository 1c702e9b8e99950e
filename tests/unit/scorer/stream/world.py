"""One partition of events, a log in memory, and lives of a scorer on it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from services.scorer.stream.admission import Refused, Source, admit
from services.scorer.stream.announcer import MemoryAnnouncer
from services.scorer.stream.lane import Lane, Outlets
from services.scorer.stream.memory import LogRecord, MemoryLog, MemoryTrial
from services.scorer.stream.ports import OutRecord, PublishFailed
from services.scorer.stream.restore import Rebuild, restore
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.verdict import Verdict
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic, state_topic
from tests.unit.scorer.stream.counting import CountingJudge, CountState
from tests.unit.scorer.stream.inputs import NOON, Input

PARTITION = 2
EVENTS = events_topic(Domain.BEHAVIOR)
STATES = state_topic(Domain.BEHAVIOR)
SOURCE = Source(Domain.BEHAVIOR, EVENTS, PARTITION)


class FailingLog(MemoryLog):
    """Fails chosen writes. ``fail`` holds, by number of the write, whether the records are there all the same."""

    def __init__(self, max_batch_bytes: int = 8_388_608) -> None:
        super().__init__(max_batch_bytes)
        self.fail: dict[int, bool] = {}
        self.writes = 0

    async def publish(self, topic: str, partition: int, records: Sequence[OutRecord]) -> int | None:
        number, self.writes = self.writes, self.writes + 1
        if number not in self.fail:
            return await super().publish(topic, partition, records)
        if self.fail[number]:
            await super().publish(topic, partition, records)
        raise PublishFailed(f"write {number}")


class World:
    """Everything outside a lane."""

    def __init__(self, inputs: Iterable[Input] = (), *, max_batch_bytes: int = 8_388_608, max_states: int = 1_000):
        self.log = FailingLog(max_batch_bytes)
        self.announcer = MemoryAnnouncer()
        self.judge = CountingJudge()
        self.max_states = max_states
        self.outlets = Outlets(self.log, self.announcer, "", MemoryTrial(), lambda: NOON)
        self.add(inputs)

    def add(self, inputs: Iterable[Input]) -> None:
        events = self.log.partitions[EVENTS, PARTITION]
        for one in inputs:
            events.append(LogRecord(*one.at(len(events))))

    @property
    def events(self) -> list[LogRecord]:
        return self.log.partitions[EVENTS, PARTITION]

    async def life(self) -> Lane[CountState]:
        """Start a scorer."""
        held = await restore(SOURCE, self.log, self.judge, "")
        return Lane(SOURCE, held, self.judge, self.outlets, self.max_states)

    async def score_all(self, size: int = 1_000) -> Lane[CountState]:
        """Let one scorer score everything."""
        lane = await self.life()
        for start in range(0, len(self.events), size):
            await lane.score(self.events[start : start + size])
        return lane

    def verdicts(self) -> list[Verdict]:
        return [
            msgspec.json.decode(record.value or b"", type=Verdict)
            for record in self.log.partitions[VERDICTS, PARTITION]
        ]

    def letters(self) -> list[DeadLetter]:
        return [
            msgspec.json.decode(record.value or b"", type=DeadLetter) for record in self.log.partitions[DEAD_LETTERS, 0]
        ]

    def states(self) -> dict[bytes, CountState]:
        """Give what a restart would find."""
        rebuild = Rebuild()
        for record in self.log.partitions[STATES, PARTITION]:
            rebuild.add(record)
        return {key: self.judge.decode(value) for key, value in rebuild.states.items()}

    def folded_once(self) -> dict[bytes, CountState]:
        """Fold every input once, in order."""
        states: dict[bytes, CountState] = {}
        for record in self.events:
            try:
                _, item = admit(record, SOURCE)
            except Refused:
                continue
            assert record.key is not None
            states[record.key] = self.judge.fold(states.get(record.key), item).state
        return states


def at(minutes: float) -> datetime:
    """Give a time after noon."""
    return datetime.fromtimestamp(NOON.timestamp() + minutes * 60, NOON.tzinfo)
