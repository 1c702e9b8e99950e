"""A batch that ends the process is found and set aside; its neighbours are served, and nobody else is blamed."""

import pytest

from services.scorer.stream.memory import MemoryTrial
from services.scorer.stream.ports import Admitted, PublishFailed
from services.scorer.stream.suspicion import CRASHED, TRIALS
from services.scorer.stream.watermark import STARTED_KEY
from shared.contracts.dead_letter import DeadLetterReason
from tests.unit.scorer.stream.counting import Counted, CountingJudge, CountState
from tests.unit.scorer.stream.inputs import behavior
from tests.unit.scorer.stream.world import PARTITION, STATES, World


class _Deadly(CountingJudge):
    """Ends the process at the first ``deaths`` batches of subject ``poison``."""

    def __init__(self, deaths: int = 1_000) -> None:
        super().__init__()
        self.deaths = deaths

    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        if item.batch.subject.id == "poison" and self.deaths:
            self.deaths -= 1
            raise SystemExit
        return super().fold(state, item)


class _Trial(MemoryTrial):
    def __init__(self) -> None:
        self.runs = 0

    async def survived(self, step: object, count: int) -> int:
        self.runs += 1
        return await super().survived(step, count)  # type: ignore[arg-type]


def _world(*subjects: str, judge: CountingJudge | None = None) -> tuple[World, _Trial]:
    world, trial = World(behavior(number, subject) for number, subject in enumerate(subjects)), _Trial()
    world.judge = judge or _Deadly()
    world.outlets = type(world.outlets)(world.log, world.announcer, "", trial, world.outlets.now)
    return world, trial


async def _live(world: World, size: int) -> int:
    """Score everything, one life after the other; give the number of deaths."""
    deaths = 0
    while True:
        lane = await world.life()
        try:
            while (done := lane.held.mark.source_next) < len(world.events):
                await lane.score(world.events[done : done + size])
            return deaths
        except SystemExit:
            deaths += 1
            assert deaths < 10, "it never ends"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "subjects", [("a", "a", "b", "poison", "a", "b"), ("poison", "a"), ("a", "poison"), ("a", "poison", "poison", "b")]
)
async def test_a_deadly_batch_costs_two_lives_at_most_and_is_the_only_one_set_aside(
    subjects: tuple[str, ...], size: int
) -> None:
    world, _ = _world(*subjects)
    poison = [offset for offset, subject in enumerate(subjects) if subject == "poison"]
    assert await _live(world, size) <= 2 * len(poison)
    assert [letter.source_offset for letter in world.letters()] == poison
    assert {(letter.reason, letter.detail) for letter in world.letters()} == {(DeadLetterReason.FOLD_FAILED, CRASHED)}
    assert len(world.verdicts()) == len(subjects) - len(poison)
    assert sum(state.count for state in world.states().values()) == len(subjects) - len(poison)


@pytest.mark.parametrize("deaths", range(1, TRIALS + 1))
async def test_a_batch_that_survives_one_trial_is_not_blamed(deaths: int) -> None:
    world, _ = _world("a", "poison", "b", judge=_Deadly(deaths))
    assert await _live(world, 100) == 1
    assert world.letters() == []
    assert len(world.verdicts()) == 3


async def test_a_batch_that_ends_every_trial_is_tried_that_often() -> None:
    judge = _Deadly()
    world, trial = _world("a", "poison", judge=judge)
    await _live(world, 100)
    assert trial.runs == TRIALS
    assert judge.deaths == 1_000 - 1 - TRIALS


async def test_nothing_is_tried_while_lives_get_on() -> None:
    world, trial = _world(*"abcabc")
    await world.score_all(size=2)
    world.add(behavior(number) for number in range(100, 103))
    await world.score_all(size=2)
    assert trial.runs == 0
    assert sum(record.key == STARTED_KEY for record in world.log.partitions[STATES, PARTITION]) == 2


async def test_an_end_for_another_reason_blames_nobody() -> None:
    world, trial = _world(*"abc")
    world.log.fail = dict.fromkeys(range(1, 40, 2), False)  # each life writes its mark and no more
    for _ in range(5):
        with pytest.raises(PublishFailed):
            await world.score_all()
    world.log.fail = {}
    await world.score_all()
    assert trial.runs == 5
    assert world.letters() == []
    assert world.states() == world.folded_once()
