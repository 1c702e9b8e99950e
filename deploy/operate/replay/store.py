"""A verdict and the batches that led to it, out of PostgreSQL, read as telltale_operator."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from deploy.operate.errors import OperatorError, postgres_answers
from deploy.operate.postgres import connected
from deploy.operate.replay.refold import StoredBatch, StoredVerdict
from services.insights.queries import parse

_SQL: Final = parse(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
_QUERY_TIMEOUT_S: Final = 120.0
_WINDOW: Final = 50  # a payload may be 2 MiB


class UnknownVerdict(OperatorError):
    """There is no verdict with this id."""


class VerdictStore:
    """Reads what one verdict was made of.

    Parameters
    ----------
    connection
        Of the role telltale_operator, in one transaction that sees one moment.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection

    async def verdict(self, verdict_id: UUID) -> StoredVerdict:
        """Give a verdict.

        Raises
        ------
        UnknownVerdict
            There is none with this id.
        SourceAway
            PostgreSQL does not answer.
        """
        with postgres_answers():
            row = await self._connection.fetchrow(_SQL["verdict"], verdict_id)
        if row is None:
            raise UnknownVerdict(f"{verdict_id}: there is no such verdict; it is past its days, or not stored yet")
        return StoredVerdict(**row)

    async def batches(self, verdict_id: UUID) -> AsyncIterator[StoredBatch]:
        """Give the batches of its session up to its own, in the order they were judged in. Raises `SourceAway`."""
        with postgres_answers():
            cursor = await self._connection.cursor(_SQL["batches"], verdict_id)
        while True:
            with postgres_answers():
                window = await cursor.fetch(_WINDOW)
            if not window:
                return
            for row in window:
                yield StoredBatch(**dict(row) | {"versions": json.loads(row["versions"])})


@asynccontextmanager
async def open_verdicts(dsn: str) -> AsyncIterator[VerdictStore]:
    """Connect to PostgreSQL.

    Raises
    ------
    SourceAway
        It does not answer, or refuses.
    """
    async with connected(dsn, _QUERY_TIMEOUT_S) as connection:
        with postgres_answers():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield VerdictStore(connection)
