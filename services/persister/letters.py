"""Dead letters to Kafka: a port and its adapter."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.persister.errors import BrokerAway
from shared.cloudevents import dead_letter_headers
from shared.contracts.dead_letter import DeadLetter
from shared.dead_letters import letter_key
from shared.topics import DEAD_LETTERS, MAX_RECORD_BATCH_BYTES

_REQUEST_TIMEOUT_MS: Final = 15_000


class LetterBox(Protocol):
    """Where dead letters go."""

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        """Return once all letters are safe.

        Raises
        ------
        BrokerAway
            Some may not be; publishing again is harmless.
        """


class KafkaLetterBox:
    """Letter box on the topic of dead letters.

    Parameters
    ----------
    kafka_bootstrap
        Broker addresses. Connected with the first letter.
    topic_prefix
        Put before the topic's name.
    """

    def __init__(self, kafka_bootstrap: str, topic_prefix: str) -> None:
        self._kafka_bootstrap = kafka_bootstrap
        self._topic = topic_prefix + DEAD_LETTERS
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        """Return once the broker has all letters."""
        try:
            producer = await self._connected()
            rejected_at = datetime.now(UTC)
            acks = [
                await producer.send(
                    self._topic,
                    msgspec.json.encode(letter),
                    key=letter_key(letter),
                    headers=dead_letter_headers(letter, rejected_at=rejected_at),
                )
                for letter in letters
            ]
            await asyncio.gather(*acks)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()  # a producer that failed may be out of step with the broker
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Leave the broker, within 2 seconds."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), timeout=2)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka_bootstrap,
                client_id="telltale-persister",
                acks="all",
                enable_idempotence=True,
                max_request_size=MAX_RECORD_BATCH_BYTES,
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
            )
            self._producer = producer
            await producer.start()
        return self._producer
