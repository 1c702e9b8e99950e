"""Letters and redrives in PostgreSQL, as telltale_operator."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from deploy.operate.dead_letters.letters import Letter, Redrive, UnknownLetter
from deploy.operate.errors import postgres_answers
from deploy.operate.postgres import connected
from services.insights.queries import parse

_SQL: Final = parse(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
_QUERY_TIMEOUT_S: Final = 120.0
_WINDOW: Final = 500


class LetterStore:
    """Reads letters, and keeps the books of redrives.

    Parameters
    ----------
    connection
        Of the role telltale_operator; what is in hand is in its hand.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def listed(
        self, *, tenant: str | None, reason: str | None, stage: str | None, since: datetime | None, limit: int
    ) -> list[Letter]:
        """Give the newest letters, redacted: without payload."""
        with postgres_answers():
            rows = await self._connection.fetch(_SQL["listed"], tenant, reason, stage, since, limit)
        return [_letter(row) for row in rows]

    async def one(self, dead_letter_id: UUID) -> Letter:
        """Give a letter.

        Raises
        ------
        UnknownLetter
            There is none with this id.
        """
        with postgres_answers():
            row = await self._connection.fetchrow(_SQL["one"], dead_letter_id)
        if row is None:
            raise UnknownLetter(f"{dead_letter_id}: there is no such letter, or it is past its days")
        return _letter(row)

    async def payload(self, dead_letter_id: UUID) -> bytes:
        """Give a letter's original bytes.

        Raises
        ------
        UnknownLetter
            There is none with this id.
        """
        with postgres_answers():
            payload: bytes | None = await self._connection.fetchval(_SQL["payload"], dead_letter_id)
        if payload is None:
            raise UnknownLetter(f"{dead_letter_id}: there is no such letter, or it is past its days")
        return payload

    async def open_of_reason(self, reason: str, topic_prefix: str) -> AsyncIterator[UUID]:
        """Give the letters of a reason that are there now and not sent on again, in the order of their messages."""
        with postgres_answers():
            now = await self._connection.fetchval(_SQL["now"])
        after = (datetime.min.replace(tzinfo=UTC), "", 0, 0, UUID(int=0))
        while True:
            with postgres_answers():
                rows = await self._connection.fetch(_SQL["open_of_reason"], reason, now, *after, _WINDOW, topic_prefix)
            if not rows:
                return
            for row in rows:
                yield row["dead_letter_id"]
            after = tuple(rows[-1])

    async def take_in_hand(self, dead_letter_id: UUID) -> bool:
        """Keep other processes from a letter while we live; False when one has it."""
        with postgres_answers():
            return bool(await self._connection.fetchval(_SQL["take_in_hand"], str(dead_letter_id)))

    async def let_go(self, dead_letter_id: UUID) -> None:
        """Give a letter out of hand."""
        with postgres_answers():
            await self._connection.execute(_SQL["let_go"], str(dead_letter_id))

    async def claim(self, dead_letter_id: UUID, by: str) -> None:
        """Write down that we are about to send a letter on. Durable when it returns."""
        with postgres_answers():
            await self._connection.fetchval(_SQL["claim"], dead_letter_id, by)

    async def finish(self, dead_letter_id: UUID, partition: int, offset: int) -> None:
        """Write down where it stands now."""
        with postgres_answers():
            await self._connection.execute(_SQL["finish"], dead_letter_id, partition, offset)


@asynccontextmanager
async def open_letters(dsn: str) -> AsyncIterator[LetterStore]:
    """Connect to PostgreSQL.

    Raises
    ------
    SourceAway
        It does not answer, or refuses.
    """
    async with connected(dsn, _QUERY_TIMEOUT_S) as connection:
        yield LetterStore(connection)


def _letter(row: asyncpg.Record) -> Letter:
    redrive = None
    if row["status"] is not None:
        redrive = Redrive(
            row["claimed_by"], row["claimed_at"], row["attempts"], row["published_partition"], row["published_offset"],
            row["done_at"],
        )  # fmt: skip
    return Letter(
        row["dead_letter_id"], row["stage"], row["reason"], row["detail"], row["source_topic"], row["source_partition"],
        row["source_offset"], row["source_timestamp"], row["persisted_at"], row["tenant_id"], row["batch_id"],
        row["traceparent"], row["record_key"], json.loads(row["headers"]), row["payload_bytes"], redrive,
    )  # fmt: skip
