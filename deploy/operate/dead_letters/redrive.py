"""Send a dead letter's message on again, once: claim it in PostgreSQL, publish, write down that it is done.

A process that ends in between leaves the letter claimed. The next redrive publishes it again, which is safe: what was
persisted is known by its batch id, and what was judged by the subject's state.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from aiokafka import AIOKafkaProducer

from deploy.operate.dead_letters.letters import AlreadyRedriven, InHand, Letter, Message, Redrive, message_of
from deploy.operate.errors import KAFKA_AWAY, kafka_answers
from shared.topics import MAX_RECORD_BATCH_BYTES

_PUBLISH_TIMEOUT_S: Final = 30.0
_CLOSE_TIMEOUT_S: Final = 5.0


class Claims(Protocol):
    """Letters and the books of redrives; `LetterStore` is one."""

    async def one(self, dead_letter_id: UUID) -> Letter:
        """Give a letter. Raises `UnknownLetter`."""

    async def payload(self, dead_letter_id: UUID) -> bytes:
        """Give its original bytes. Raises `UnknownLetter`."""

    async def take_in_hand(self, dead_letter_id: UUID) -> bool:
        """Keep other processes from it; False when one has it."""

    async def let_go(self, dead_letter_id: UUID) -> None:
        """Give it out of hand."""

    async def claim(self, dead_letter_id: UUID, by: str) -> None:
        """Write down that it is about to be sent on."""

    async def finish(self, dead_letter_id: UUID, partition: int, offset: int) -> None:
        """Write down where it stands now."""


class Publisher(Protocol):
    """Where messages go; `KafkaPublisher` is one."""

    async def publish(self, message: Message) -> int:
        """Return the message's offset once the broker has it on every replica.

        Raises
        ------
        SourceAway
            Nobody knows whether it has it.
        """


@dataclass(frozen=True, slots=True)
class Redriven:
    """A letter that was sent on: where it stands now, and the claim of an earlier try that never said it was done."""

    letter: Letter
    offset: int
    unfinished: Redrive | None


async def redrive(
    claims: Claims, publisher: Publisher, dead_letter_id: UUID, *, by: str, topic_prefix: str
) -> Redriven:
    """Send one letter on.

    Parameters
    ----------
    by
        Who does it, for the books.

    Raises
    ------
    Refused
        It is not sent on, and nothing was changed: it is unknown, done before, in another's hand, or not whole.
    SourceAway
        Kafka or PostgreSQL went away. When it was after the claim, the letter stays claimed; run it again.
    """
    if not await claims.take_in_hand(dead_letter_id):
        raise InHand(f"{dead_letter_id}: another process is sending it on right now")
    try:
        letter = await claims.one(dead_letter_id)
        earlier = letter.redrive
        if earlier is not None and earlier.done_at is not None:
            raise AlreadyRedriven(
                f"{dead_letter_id}: was sent on by {earlier.claimed_by} at {earlier.done_at:%Y-%m-%d %H:%M:%S} UTC, to"
                f" {letter.source_topic}/{earlier.published_partition} offset {earlier.published_offset};"
                " when it failed again there is a newer letter"
            )
        message = message_of(letter, await claims.payload(dead_letter_id), topic_prefix)
        await claims.claim(dead_letter_id, by)
        offset = await publisher.publish(message)
        await claims.finish(dead_letter_id, message.partition, offset)
    finally:
        await claims.let_go(dead_letter_id)
    return Redriven(letter, offset, earlier)


class KafkaPublisher:
    """Publishes with ``acks=all``.

    Parameters
    ----------
    bootstrap
        For messages to a person.
    producer
        Started.
    """

    def __init__(self, bootstrap: str, producer: AIOKafkaProducer) -> None:
        self._bootstrap = bootstrap
        self._producer = producer

    async def publish(self, message: Message) -> int:
        """See `Publisher`."""
        with kafka_answers(self._bootstrap):
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                sent = await self._producer.send_and_wait(
                    message.topic, message.value, key=message.key, partition=message.partition, headers=message.headers
                )
        return int(sent.offset)


@asynccontextmanager
async def open_publisher(bootstrap: str) -> AsyncIterator[KafkaPublisher]:
    """Connect to Kafka.

    Raises
    ------
    SourceAway
        It does not answer.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id="telltale-operate",
        acks="all",
        enable_idempotence=True,
        max_request_size=MAX_RECORD_BATCH_BYTES,
    )
    try:
        with kafka_answers(bootstrap):
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                await producer.start()
        yield KafkaPublisher(bootstrap, producer)
    finally:
        with suppress(*KAFKA_AWAY):
            await asyncio.wait_for(producer.stop(), _CLOSE_TIMEOUT_S)
