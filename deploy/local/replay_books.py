"""What became of a replay, counted from PostgreSQL's rows and not from what the sender believes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

_SQL: Final = Path(__file__).with_name("replay.sql").read_text(encoding="utf-8")
_CONNECT_TIMEOUT_S: Final = 10.0


class StoredBatch(NamedTuple):
    """One row of a batch and what hangs on it, in the order of arrival."""

    batch_id: UUID
    subject_id: str
    event_count: int
    verdicts: int
    action: str | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Books:
    """Counts of one replay.

    Parameters
    ----------
    persisted_events
        Events in the rows, each batch once.
    lost, duplicated
        Events that are missing, and events that are there once more, by subject.
    batches, verdicts, doubled_verdicts, dead_letters
        Batches stored, those with a verdict, verdict rows beyond one a batch, and dead letters.
    missing_batches
        Batches the gateway gave a receipt for and PostgreSQL has no row of.
    last_action
        Each subject's latest action.
    """

    persisted_events: int
    lost: int
    duplicated: int
    batches: int
    verdicts: int
    doubled_verdicts: int
    dead_letters: int
    missing_batches: int
    last_action: dict[str, str]

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come."""
        return not self.lost and not self.missing_batches and self.verdicts + self.dead_letters >= self.batches

    @property
    def balanced(self) -> bool:
        """Whether everything is there exactly once, each batch with its verdict."""
        return self.settled and not (self.duplicated or self.doubled_verdicts or self.dead_letters)


def balance(rows: Iterable[StoredBatch], expected_events: Mapping[str, int], receipts: Iterable[UUID]) -> Books:
    """Compare rows with what was sent.

    Parameters
    ----------
    rows
        Everything stored of the subjects.
    expected_events
        By subject, how many events its recording has.
    receipts
        Ids of the batches the gateway accepted.
    """
    stored = list(rows)
    first_of = {row.batch_id: row for row in reversed(stored)}
    found = dict.fromkeys(expected_events, 0)
    for row in stored:
        found[row.subject_id] += row.event_count
    excess = {subject: found[subject] - expected for subject, expected in expected_events.items()}
    return Books(
        persisted_events=sum(row.event_count for row in first_of.values()),
        lost=sum(-count for count in excess.values() if count < 0),
        duplicated=sum(count for count in excess.values() if count > 0),
        batches=len(first_of),
        verdicts=sum(1 for row in first_of.values() if row.verdicts),
        doubled_verdicts=sum(max(0, row.verdicts - 1) for row in first_of.values()),
        dead_letters=sum(row.dead_letters for row in first_of.values()),
        missing_batches=len(set(receipts) - first_of.keys()),
        last_action={row.subject_id: row.action for row in stored if row.action},
    )


class PostgresRows:
    """Reads a tenant's rows as telltale_insights, which row-level security holds to that tenant.

    Parameters
    ----------
    connection
        A connection of that role.
    tenant_id
        Whose rows.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def rows(self, subject_ids: Iterable[str], since: datetime) -> list[StoredBatch]:
        """Give everything stored of the subjects since a time."""
        async with self._connection.transaction(readonly=True):
            await self._connection.execute("SELECT set_config('telltale.tenant_id', $1, true)", self._tenant_id)
            return [StoredBatch(*row) for row in await self._connection.fetch(_SQL, list(subject_ids), since)]


async def connect(dsn: str) -> "asyncpg.Connection[Any]":
    """Connect to PostgreSQL."""
    return await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S)
