"""A batch that ends or hangs the scorer becomes a dead letter by itself; its neighbours get their verdicts."""

import msgspec
import pytest

from services.scorer.stream.suspicion import CRASHED
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.topics import DEAD_LETTERS, VERDICTS
from tests.integration.scorer.harness import Field, doubled, supervised, until
from tests.unit.scorer.stream.inputs import behavior

BATCHES = 600
SUBJECTS = 30
POISON = (250, 251, 400)  # two in a row, and another later


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("act", "scorers"), [("crashing", 1), ("hoarding", 1), ("spinning", 2), ("blocking", 2)])
async def test_poison_is_set_aside_and_everything_else_is_scored(field: Field, act: str, scorers: int) -> None:
    subjects = ["poison" if number in POISON else f"s{number % SUBJECTS}" for number in range(BATCHES)]
    await field.produce(behavior(number, subject) for number, subject in enumerate(subjects))
    environment = {"TEST_JUDGE": act, "TELLTALE_STALL_TIMEOUT_S": "2", "TELLTALE_TRIAL_TIMEOUT_S": "0.5"}
    async with supervised(field, scorers, **environment):
        await until(lambda: field.has(VERDICTS, BATCHES - len(POISON)), 100.0)
        await until(lambda: field.has(DEAD_LETTERS, len(POISON)), 20.0)
        await until(field.all_committed)
    verdicts = await field.verdicts()
    assert doubled(verdicts) == 0
    assert len(verdicts) == BATCHES - len(POISON)
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in await field.records(DEAD_LETTERS)]
    assert {(letter.reason, letter.detail) for letter in letters} == {(DeadLetterReason.FOLD_FAILED, CRASHED)}
    assert {letter.key for letter in letters} == {behavior(1, "poison").key}
    assert len({letter.dead_letter_id for letter in letters}) == len(POISON)
