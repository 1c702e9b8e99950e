"""The replay says what an untroubled scorer writes: verdicts, states, dead letters."""

import msgspec

from services.scorer.app import PipelineJudge
from services.scorer.pipeline import encode_state, load_ruleset
from services.scorer.stream.admission import Source
from services.scorer.stream.announcer import MemoryAnnouncer
from services.scorer.stream.lane import Lane, Outlets
from services.scorer.stream.memory import LogRecord, MemoryLog, MemoryTrial
from services.scorer.stream.restore import Rebuild, restore
from shared.contracts.verdict import Verdict
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic, state_topic
from tests.chaos.replaying import Expected, Replay, digest
from tests.unit.scorer.stream.inputs import NOON, behavior

PARTITION = 1
SOURCE = Source(Domain.BEHAVIOR, events_topic(Domain.BEHAVIOR), PARTITION)


def event_log() -> list[LogRecord]:
    """Three subjects, two batches sent again, and a record that is none of a gateway's."""
    numbered = [(number, f"s{number % 3}") for number in range(12)]
    inputs = [behavior(number, subject, events=1 + number % 4) for number, subject in [*numbered, *numbered[4:6]]]
    records = [LogRecord(*one.at(offset)) for offset, one in enumerate(inputs)]
    return [*records, LogRecord(len(records), 0, b"x", b"not json", ())]


def replay(records: list[LogRecord]) -> Expected:
    replay = Replay(PipelineJudge(load_ruleset(Domain.BEHAVIOR)))
    replay.add(SOURCE, records)
    return replay.expected


async def scored(records: list[LogRecord]) -> MemoryLog:
    """Score them in small chunks, with a restart between any two."""
    log, judge = MemoryLog(), PipelineJudge(load_ruleset(Domain.BEHAVIOR))
    log.partitions[SOURCE.topic, PARTITION] = records
    outlets = Outlets(log, MemoryAnnouncer(), "", MemoryTrial(), lambda: NOON)
    for start in range(0, len(records), 5):
        held = await restore(SOURCE, log, judge, "")
        await Lane(SOURCE, held, judge, outlets, 100).score(records[start : start + 5])
    return log


async def test_the_replay_is_what_a_scorer_writes_however_often_it_is_restarted() -> None:
    records = event_log()
    log, expected = await scored(records), replay(records)
    verdicts = [msgspec.json.decode(one.value or b"", type=Verdict) for one in log.partitions[VERDICTS, PARTITION]]
    documents = [digest(one.value or b"") for one in log.partitions[VERDICTS, PARTITION]]
    assert dict(zip([verdict.verdict_id for verdict in verdicts], documents, strict=True)) == expected.verdicts
    assert {verdict.batch_id: verdict.verdict_id for verdict in verdicts} == expected.batches
    rebuild = Rebuild()
    for record in log.partitions[state_topic(Domain.BEHAVIOR), PARTITION]:
        rebuild.add(record)
    states = {key: encode_state(state) for (_, key), state in expected.states.items()}
    assert dict(rebuild.states) == states
    assert {PARTITION: rebuild.mark.source_next} == expected.next_offset
    assert len(expected.letters) == len(log.partitions[DEAD_LETTERS, 0]) == 1


def test_a_session_is_as_its_last_verdict_says() -> None:
    expected = replay(event_log())
    assert len(expected.sessions) == 3
    assert sum(facts.batch_count for facts in expected.sessions.values()) == 12
    assert {facts.last_verdict_id for facts in expected.sessions.values()} <= set(expected.verdicts)
