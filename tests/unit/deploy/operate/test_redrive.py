"""A letter's way back: the original message, once, and never half-written in the books."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from deploy.operate.dead_letters.letters import (
    AlreadyRedriven,
    InHand,
    Letter,
    Message,
    NotWhole,
    NoWayBack,
    Redrive,
    UnknownLetter,
    message_of,
)
from deploy.operate.dead_letters.redrive import redrive
from deploy.operate.errors import SourceAway
from shared.cloudevents import REDRIVE_OF
from shared.contracts.dead_letter import DeadLetterReason
from shared.dead_letters import MAX_PAYLOAD_BYTES, write_letter
from tests.unit.persister.records import Record, batch_record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PREFIX = "t."


def letter_of(record: Record) -> Letter:
    """Give the scorer's letter of a record as the store does."""
    letter = write_letter("scorer", PREFIX + record.topic, 2, record, DeadLetterReason.FOLD_FAILED, "KeyError")
    return Letter(
        letter.dead_letter_id, letter.stage, letter.reason, letter.detail, letter.source_topic, letter.source_partition,
        letter.source_offset, letter.source_timestamp, NOW, letter.tenant_id, letter.batch_id, letter.traceparent,
        letter.key, letter.headers, len(letter.payload), None,
    )  # fmt: skip


class MemoryClaims:
    def __init__(self, letter: Letter, payload: bytes = b"{}") -> None:
        self.letter = letter
        self.bytes = payload
        self.held: set[UUID] = set()
        self.steps: list[str] = []

    async def one(self, dead_letter_id: UUID) -> Letter:
        if dead_letter_id != self.letter.dead_letter_id:
            raise UnknownLetter("unknown")
        return self.letter

    async def payload(self, dead_letter_id: UUID) -> bytes:
        return self.bytes

    async def take_in_hand(self, dead_letter_id: UUID) -> bool:
        free = dead_letter_id not in self.held
        self.held.add(dead_letter_id)
        return free

    async def let_go(self, dead_letter_id: UUID) -> None:
        self.held.remove(dead_letter_id)

    async def claim(self, dead_letter_id: UUID, by: str) -> None:
        self.steps.append(f"claimed by {by}")

    async def finish(self, dead_letter_id: UUID, partition: int, offset: int) -> None:
        self.steps.append(f"done at {partition}/{offset}")


class MemoryPublisher:
    def __init__(self, claims: MemoryClaims, *, away: bool = False) -> None:
        self._claims = claims
        self._away = away

    async def publish(self, message: Message) -> int:
        self._claims.steps.append("published")
        if self._away:
            raise SourceAway("away")
        return 41


async def test_it_is_claimed_then_published_then_done() -> None:
    claims = MemoryClaims(letter_of(batch_record()))
    done = await redrive(claims, MemoryPublisher(claims), claims.letter.dead_letter_id, by="me", topic_prefix=PREFIX)
    assert claims.steps == ["claimed by me", "published", "done at 2/41"]
    assert (done.offset, done.unfinished, claims.held) == (41, None, set())


async def test_a_broker_that_is_away_leaves_it_claimed_and_out_of_hand() -> None:
    claims = MemoryClaims(letter_of(batch_record()))
    with pytest.raises(SourceAway):
        await redrive(
            claims, MemoryPublisher(claims, away=True), claims.letter.dead_letter_id, by="me", topic_prefix=PREFIX
        )
    assert (claims.steps, claims.held) == (["claimed by me", "published"], set())


async def test_what_was_claimed_and_never_done_is_finished_and_said_to_be_so() -> None:
    earlier = Redrive("someone", NOW, 1, None, None, None)
    claims = MemoryClaims(replace(letter_of(batch_record()), redrive=earlier))
    done = await redrive(claims, MemoryPublisher(claims), claims.letter.dead_letter_id, by="me", topic_prefix=PREFIX)
    assert (done.unfinished, claims.steps[-1]) == (earlier, "done at 2/41")


async def test_what_was_done_is_refused() -> None:
    claims = MemoryClaims(replace(letter_of(batch_record()), redrive=Redrive("someone", NOW, 1, 2, 30, NOW)))
    with pytest.raises(AlreadyRedriven, match=r"at 2026-03-01 12:00:00 UTC, to t\.events\.behavior\.v1/2 offset 30"):
        await redrive(claims, MemoryPublisher(claims), claims.letter.dead_letter_id, by="me", topic_prefix=PREFIX)
    assert (claims.steps, claims.held) == ([], set())


async def test_what_another_has_in_hand_stays_in_its_hand() -> None:
    claims = MemoryClaims(letter_of(batch_record()))
    claims.held.add(claims.letter.dead_letter_id)
    with pytest.raises(InHand):
        await redrive(claims, MemoryPublisher(claims), claims.letter.dead_letter_id, by="me", topic_prefix=PREFIX)
    assert (claims.steps, claims.held) == ([], {claims.letter.dead_letter_id})


async def test_an_unknown_letter_is_refused() -> None:
    claims = MemoryClaims(letter_of(batch_record()))
    with pytest.raises(UnknownLetter):
        await redrive(claims, MemoryPublisher(claims), uuid4(), by="me", topic_prefix=PREFIX)
    assert (claims.steps, claims.held) == ([], set())


def test_the_message_is_the_original_with_the_letters_mark() -> None:
    record = batch_record(7, value=b'{"some": "bytes"}')
    letter = letter_of(record)
    message = message_of(letter, b'{"some": "bytes"}', PREFIX)
    assert message == Message(
        "t.events.behavior.v1", 2, record.key, b'{"some": "bytes"}',
        [*record.headers, (REDRIVE_OF, str(letter.dead_letter_id).encode())],
    )  # fmt: skip


def test_a_letter_of_a_redriven_message_carries_the_newest_mark_only() -> None:
    first = letter_of(batch_record(7))
    again = message_of(first, b"{}", PREFIX)
    second = letter_of(Record(offset=9, key=again.key, value=again.value, headers=again.headers))
    assert second.redriven_from == str(first.dead_letter_id)
    marks = [value for name, value in message_of(second, b"{}", PREFIX).headers if name == REDRIVE_OF]
    assert marks == [str(second.dead_letter_id).encode()]


def test_a_cut_payload_is_not_sent() -> None:
    record = batch_record(value=b"x" * (MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(NotWhole, match=r"read it at t\.events\.behavior\.v1/2 offset 0"):
        message_of(letter_of(record), b"x" * MAX_PAYLOAD_BYTES, PREFIX)


@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 2_000])
def test_headers_that_did_not_fit_are_not_sent(value: bytes) -> None:
    record = Record(key=b"k", headers=[("ce_id", value)])
    with pytest.raises(NotWhole, match="headers were changed"):
        message_of(letter_of(record), b"{}", PREFIX)


def test_too_many_headers_are_not_sent() -> None:
    record = Record(key=b"k", headers=[(f"h{number}", b"v") for number in range(70)])
    with pytest.raises(NotWhole, match="headers were changed"):
        message_of(letter_of(record), b"{}", PREFIX)


@pytest.mark.parametrize("topic", ["dead-letters.v1", "scorer-state.behavior.v1", "another"])
def test_only_batches_and_verdicts_go_back(topic: str) -> None:
    with pytest.raises(NoWayBack):
        message_of(replace(letter_of(batch_record()), source_topic=PREFIX + topic), b"{}", PREFIX)


def test_another_systems_letters_stay() -> None:
    with pytest.raises(NoWayBack, match="takes none of our messages"):
        message_of(replace(letter_of(batch_record()), source_topic="events.behavior.v1"), b"{}", PREFIX)
