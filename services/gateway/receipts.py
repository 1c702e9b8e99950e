"""Receipts from PostgreSQL, each in a transaction that sees one tenant."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from services.gateway.database import Connection, Database, read_queries
from services.gateway.ports import Rejection, StoredReceipt
from shared.api_keys import StoredKey
from shared.tenancy import LoadKeys, load_keys_from

_QUERIES: Final = read_queries(Path(__file__).with_name("receipts.sql"))


class PostgresReceipts:
    """Receipts and latest verdicts of a tenant.

    Parameters
    ----------
    dsn
        PostgreSQL, as the gateway's own role.
    pool_size
        Most connections.
    """

    def __init__(self, dsn: str, pool_size: int) -> None:
        self._database = Database(dsn, pool_size)

    @property
    def ready(self) -> bool:
        """Whether the database answered last time; loading keys asks it every 2 seconds."""
        return self._database.answered

    @property
    def load_keys(self) -> LoadKeys:
        """How to load the active API keys."""
        load = load_keys_from(self._database.pool)

        async def noted() -> Mapping[str, StoredKey]:
            answered = False
            try:
                keys = await load()
                answered = True
                return keys
            finally:
                self._database.answered = answered

        return noted

    async def start(self) -> None:
        """Make ready; connects to nothing yet."""
        await self._database.start()

    async def stop(self) -> None:
        """Close every connection."""
        await self._database.stop()

    async def receipt(self, tenant_id: str, batch_id: UUID) -> StoredReceipt | None:
        """Give what is known of a tenant's batch, or None.

        Raises
        ------
        StoreUnavailable
            The database cannot answer.
        """
        async with self._reading(tenant_id) as connection:
            row = await connection.fetchrow(_QUERIES["receipt"], batch_id)
            letters = await connection.fetch(_QUERIES["rejections"], batch_id)
        if row is None or (row["received_at"] is None and row["scored_at"] is None and not letters):
            return None
        # A verdict may be there before its batch, which another consumer writes.
        prefix = "" if row["received_at"] is not None else "verdict_"
        return StoredReceipt(
            domain=row[prefix + "domain"],
            subject=row[prefix + "subject"],
            events=row[prefix + "event_count"],
            received_at=row[prefix + "received_at"],
            persisted_at=row["persisted_at"],
            verdict_id=row["verdict_id"],
            scored_at=row["scored_at"],
            rejections=tuple(
                Rejection(letter["stage"], letter["reason"], letter["detail"], letter["persisted_at"])
                for letter in letters
            ),
        )

    async def latest_verdict(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict (JSON), or None.

        Raises
        ------
        StoreUnavailable
            The database cannot answer.
        """
        async with self._reading(tenant_id) as connection:
            document = await connection.fetchval(_QUERIES["latest_verdict"], tenant_id, subject_type, subject_id)
        return document.encode() if document is not None else None

    @asynccontextmanager
    async def _reading(self, tenant_id: str) -> AsyncIterator[Connection]:
        async with self._database.connected() as connection, connection.transaction(readonly=True):
            await connection.execute(_QUERIES["tenant"], tenant_id)
            yield connection
