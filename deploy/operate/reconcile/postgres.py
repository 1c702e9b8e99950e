"""What PostgreSQL holds: rows, letters and books, read as telltale_operator."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from deploy.operate.errors import postgres_answers
from deploy.operate.postgres import connected
from deploy.operate.reconcile.accounts import BatchKey, Place, RowPlace
from services.insights.books import Outcomes, Partition
from services.insights.queries import parse
from shared.contracts.dead_letter import Stage, dead_letter_id
from shared.contracts.verdict import verdict_id

_SQL: Final = parse(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
_QUERY_TIMEOUT_S: Final = 600.0
_WINDOW: Final = 10_000
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


Span = tuple[datetime, datetime]


class Unscored(NamedTuple):
    """A batch's row that has no verdict, and the record it was written from."""

    tenant_id: str
    batch_id: UUID
    domain: str
    partition: int
    offset: int


class Doubled(NamedTuple):
    """A batch with rows, or verdicts, beyond one."""

    tenant_id: str
    batch_id: UUID
    more: int


class PostgresSide:
    """Reads across tenants: ids, counts and places.

    Parameters
    ----------
    connection
        Of the role telltale_operator.
    tenant_id
        Look at this tenant's rows only; None is all.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: str | None) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def books(self, topics: Iterable[str]) -> dict[Partition, Outcomes]:
        """Read the persister's books."""
        rows = await self._fetch("books", list(topics))
        return {(row[0], row[1]): Outcomes(*row[2:]) for row in map(tuple, rows)}

    async def rows_near(self, ids: Sequence[UUID], first: datetime, last: datetime) -> dict[BatchKey, list[RowPlace]]:
        """Find the rows of batches that were received in a span."""
        return _by_batch(await self._fetch("rows_near", ids, first, last))

    async def rows_anywhere(self, ids: Sequence[UUID]) -> dict[BatchKey, list[RowPlace]]:
        """Find the rows of batches."""
        return _by_batch(await self._fetch("rows_anywhere", ids)) if ids else {}

    async def letters(self, stage: Stage, places: Iterable[Place]) -> dict[Place, str]:
        """Find the reasons of the dead letters that a stage wrote of some records."""
        place_of = {dead_letter_id(stage, *place): place for place in places}
        rows = await self._fetch("letters", list(place_of)) if place_of else []
        return {place_of[row["dead_letter_id"]]: row["reason"] for row in rows}

    async def rejected_verdicts(self, batches: Iterable[BatchKey]) -> set[BatchKey]:
        """Tell of which batches the verdict's row was refused, and a dead letter kept: a letter has its record's id."""
        batch_of = {verdict_id(*batch): batch for batch in batches}
        rows = await self._fetch("letters_of_batches", list(batch_of)) if batch_of else []
        return {batch_of[row["batch_id"]] for row in rows}

    async def rejected(self, ids: Sequence[UUID]) -> set[UUID]:
        """Tell which batches the persister kept as dead letters."""
        rows = await self._fetch("letters_of_batches", ids) if ids else []
        return {row["batch_id"] for row in rows}

    async def spans(self) -> list[Span]:
        """Cut time into the days that have a partition, and what lies around them."""
        days = [row["day"] for row in await self._fetch("days")]
        return list(
            pairwise([_FIRST, *map(_midnight, days), *[_midnight(days[-1] + timedelta(1))] * bool(days), _LAST])
        )

    async def persisted(self, span: Span) -> dict[str, int]:
        """Count the rows of a span by tenant."""
        return {row["tenant_id"]: row["batches"] for row in await self._fetch("persisted", self._tenant_id, *span)}

    async def unscored(self, span: Span, domains: Sequence[str]) -> AsyncIterator[list[Unscored]]:
        """Give the rows of a span that have no verdict, in windows."""
        async for window in self._windows("unscored", self._tenant_id, *span, list(domains)):
            yield [Unscored(*row) for row in window]

    async def doubled(self, table: str) -> AsyncIterator[list[Doubled]]:
        """Give the batches with more than one row in ``batches`` or ``verdicts``."""
        async for window in self._windows(f"doubled_{table}", self._tenant_id):
            yield [Doubled(*row) for row in window]

    async def _fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        with postgres_answers():
            rows: list[asyncpg.Record] = await self._connection.fetch(_SQL[query], *args)
            return rows

    async def _windows(self, query: str, *args: object) -> AsyncIterator[list[asyncpg.Record]]:
        with postgres_answers():
            async with self._connection.transaction(readonly=True):
                cursor = await self._connection.cursor(_SQL[query], *args)
                while window := await cursor.fetch(_WINDOW):
                    yield window


@asynccontextmanager
async def open_postgres(dsn: str, tenant_id: str | None) -> AsyncIterator[PostgresSide]:
    """Connect to PostgreSQL.

    Raises
    ------
    SourceAway
        It does not answer, or refuses.
    """
    settings = {"default_transaction_read_only": "on", "work_mem": "64MB"}
    async with connected(dsn, _QUERY_TIMEOUT_S, **settings) as connection:
        yield PostgresSide(connection, tenant_id)


def _by_batch(rows: Iterable[asyncpg.Record]) -> dict[BatchKey, list[RowPlace]]:
    found: dict[BatchKey, list[RowPlace]] = {}
    for tenant_id, batch_id, *place in map(tuple, rows):
        found.setdefault((tenant_id, batch_id), []).append(RowPlace(*place))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
