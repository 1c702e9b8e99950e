"""What a chunk leaves behind."""

import msgspec
import pytest

from services.scorer.stream.held import EXPIRY_GRACE, Held
from services.scorer.stream.lane import Lane
from services.scorer.stream.ports import Admitted, BatchTooLarge
from services.scorer.stream.watermark import STARTED_KEY, WATERMARK_KEY, Watermark, read_watermark
from shared.contracts.dead_letter import DeadLetterReason, dead_letter_id
from shared.dead_letters import letter_key
from shared.topics import DEAD_LETTERS, VERDICTS, Domain
from tests.unit.scorer.stream.counting import IDLE, Counted, CountingJudge, CountState
from tests.unit.scorer.stream.inputs import NOON, Input, batch_id, behavior
from tests.unit.scorer.stream.world import EVENTS, PARTITION, SOURCE, STATES, World, at

IDLE_MIN = (IDLE + EXPIRY_GRACE).total_seconds() / 60


async def test_verdicts_stand_in_input_order_with_their_source() -> None:
    world = World(behavior(number, f"s{number % 2}") for number in range(6))
    await world.score_all(size=4)
    assert [verdict.batch_id for verdict in world.verdicts()] == [batch_id(number) for number in range(6)]
    headers = [dict(record.headers) for record in world.log.partitions[VERDICTS, PARTITION]]
    assert [(found["ce_sourcetopic"].decode(), int(found["ce_sourceoffset"])) for found in headers] == [
        (EVENTS, offset) for offset in range(6)
    ]
    assert {found["ce_traceparent"] for found in headers} == {dict(world.events[0].headers)["ce_traceparent"]}


async def test_a_chunk_writes_one_state_a_subject_and_the_watermark() -> None:
    world = World(behavior(number, f"s{number % 2}") for number in range(6))
    await world.score_all()
    [start, *records] = world.log.partitions[STATES, PARTITION]
    assert (start.key, read_watermark(start.headers)) == (STARTED_KEY, Watermark())
    assert [record.key for record in records] == [b"acme:session/s0", b"acme:session/s1", WATERMARK_KEY]
    assert {read_watermark(record.headers) for record in records} == {Watermark(6, 6, NOON)}


async def test_a_chunk_without_verdicts_advances_the_watermark() -> None:
    world = World([Input(b"k", b"{", behavior(1).headers)])
    lane = await world.score_all()
    assert [record.key for record in world.log.partitions[STATES, PARTITION]] == [STARTED_KEY, WATERMARK_KEY]
    assert lane.held.mark.source_next == 1
    await lane.score(world.events)
    assert len(world.letters()) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (behavior(1)._replace(headers=[]), DeadLetterReason.MISSING_HEADER),
        (behavior(1)._replace(value=b"{"), DeadLetterReason.UNDECODABLE),
        (behavior(1)._replace(value=b""), DeadLetterReason.UNDECODABLE),
        (behavior(1)._replace(value=b'{"domain":"behavior"}'), DeadLetterReason.CONTRACT_VIOLATION),
        (behavior(1)._replace(value=behavior(2).value), DeadLetterReason.CONTRACT_VIOLATION),
        (behavior(1)._replace(key=b"acme:session/other"), DeadLetterReason.WRONG_KEY),
        (behavior(1)._replace(headers=behavior(1, tenant="evil").headers), DeadLetterReason.WRONG_KEY),
    ],
)
async def test_a_bad_record_is_a_typed_dead_letter_and_its_neighbours_are_served(
    bad: Input, reason: DeadLetterReason
) -> None:
    world = World([behavior(10), bad, behavior(11)])
    await world.score_all()
    [letter] = world.letters()
    assert letter.reason == reason
    assert (letter.payload, letter.key, letter.source_offset) == (bad.value, bad.key, 1)
    assert letter.dead_letter_id == dead_letter_id("scorer", EVENTS, PARTITION, 1)
    assert [record.key for record in world.log.partitions[DEAD_LETTERS, 0]] == [letter_key(letter)]
    assert len(world.verdicts()) == 2


async def test_a_tombstone_and_a_huge_hostile_record_are_dead_letters() -> None:
    world = World()
    world.add([behavior(1), Input(b"k" * 10_000, b"x" * 6_000_000, [("h" * 5_000, b"\xff" * 9_000)] * 200)])
    world.events[0] = world.events[0]._replace(value=None)
    await world.score_all()
    assert [letter.reason for letter in world.letters()] == [
        DeadLetterReason.UNDECODABLE,
        DeadLetterReason.MISSING_HEADER,
    ]
    assert "6000000 bytes" in world.letters()[1].detail
    assert max(len(record.value or b"") for record in world.log.partitions[DEAD_LETTERS, 0]) < 7_000_000


class _Raising(CountingJudge):
    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        if item.batch.subject.id == "poison":
            raise ZeroDivisionError("secret of the batch")
        return super().fold(state, item)


async def test_a_fold_that_raises_costs_only_its_own_batch() -> None:
    world = World([behavior(1), behavior(2, "poison"), behavior(3)])
    world.judge = _Raising()
    await world.score_all()
    [letter] = world.letters()
    assert (letter.reason, letter.detail) == (DeadLetterReason.FOLD_FAILED, "ZeroDivisionError")
    assert [state.count for state in world.states().values()] == [2]


async def test_a_duplicate_gives_no_verdict_and_answers_only_the_last_batch_again() -> None:
    waiting = [behavior(number, reply_to="telltale:replies:g") for number in (1, 2)]
    world = World([*waiting, *waiting])
    await world.score_all()
    assert len(world.verdicts()) == 2
    told = [msgspec.json.decode(message)["batch_id"] for _, message in world.announcer.published]
    assert told == [str(batch_id(number)) for number in (1, 2, 2)]


async def test_expired_subjects_are_forgotten_and_stay_forgotten() -> None:
    world = World([behavior(1, "old"), behavior(2, "young", received_at=at(20))])
    lane = await world.score_all()
    world.add([behavior(3, "young", received_at=at(IDLE_MIN - 0.1))])
    await lane.score(world.events)
    assert len(lane.held) == 2
    world.add([behavior(4, "young", received_at=at(IDLE_MIN + 0.1))])
    await lane.score(world.events)
    assert list(world.states()) == [b"acme:session/young"]
    tombstones = [record for record in world.log.partitions[STATES, PARTITION] if record.value is None]
    assert [record.key for record in tombstones] == [b"acme:session/old"]
    assert list((await world.life()).held.keys()) == [b"acme:session/young"]


async def test_the_subject_limit_holds_and_the_longest_untouched_goes_first() -> None:
    world = World((behavior(number, f"s{number}") for number in range(5)), max_states=3)
    lane = await world.score_all(size=2)
    assert list(lane.held.keys()) == [b"acme:session/s2", b"acme:session/s3", b"acme:session/s4"]
    assert list(world.states()) == list(lane.held.keys())


@pytest.mark.parametrize("size", [2, 5])
async def test_states_come_back_in_order_of_last_touch(size: int) -> None:
    world = World(behavior(number, subject) for number, subject in enumerate("abcab"))
    lane = await world.score_all(size)
    assert list((await world.life()).held.keys()) == list(lane.held.keys())
    assert [key[-1:] for key in lane.held.keys()] == [b"c", b"a", b"b"]


@pytest.mark.parametrize("max_batch_bytes", [3_000, 6_000, 20_000])
async def test_a_chunk_too_large_for_one_record_batch_is_committed_in_slices(max_batch_bytes: int) -> None:
    inputs = [behavior(number, f"s{number % 7}") for number in range(40)]
    world, whole = World(inputs, max_batch_bytes=max_batch_bytes), World(inputs)
    await world.score_all()
    await whole.score_all()
    assert world.verdicts() == whole.verdicts()
    assert world.states() == whole.states()


async def test_a_single_record_too_large_stops_the_scorer() -> None:
    world = World([behavior(1)], max_batch_bytes=100)
    with pytest.raises(BatchTooLarge):
        await world.score_all()


async def test_a_state_that_cannot_be_read_is_none() -> None:
    world = World([behavior(1)])
    held = Held(world.judge, Watermark(), states={b"acme:session/s1": b"\xc1"})
    lane = Lane(SOURCE, held, world.judge, world.outlets, max_states=10)
    await lane.score(world.events)
    assert [state.count for state in world.states().values()] == [1]
    assert SOURCE.domain is Domain.BEHAVIOR
