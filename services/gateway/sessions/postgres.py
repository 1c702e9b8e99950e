"""Started sessions in PostgreSQL, as the gateway's own role; each transaction works for one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.gateway.database import Connection, Database, read_queries
from services.gateway.ports import StartedSession, StoreUnavailable

_QUERIES: Final = read_queries(Path(__file__).with_name("sessions.sql"))


async def _leave_as_is(_: object) -> None:
    """Spare a look-up its second round trip: what we set ends with its transaction."""


class PostgresSessions:
    """Sessions of tenants. A pool of its own: a session's posts do not wait behind slow receipts.

    Parameters
    ----------
    dsn
        PostgreSQL, as the gateway's own role.
    pool_size
        Most connections.
    """

    def __init__(self, dsn: str, pool_size: int) -> None:
        self._database = Database(dsn, pool_size, _leave_as_is)

    async def start(self) -> None:
        """Make ready; connects to nothing yet."""
        await self._database.start()

    async def stop(self) -> None:
        """Close every connection."""
        await self._database.stop()

    async def begin(
        self, tenant_id: str, session_id: UUID, user_id: str | None, facts: bytes, started_at: datetime
    ) -> StartedSession:
        """Write a session; see the port."""
        async with self._working(tenant_id) as connection:
            await connection.execute(_QUERIES["begin"], tenant_id, session_id, user_id, facts.decode(), started_at)
            row = await connection.fetchrow(_QUERIES["look_up"], tenant_id, session_id)
        if row is None:
            raise StoreUnavailable  # deleted in between: its tenant is going
        return StartedSession(*row)

    async def look_up(self, tenant_id: str, session_id: UUID) -> StartedSession | None:
        """Give a tenant's session, or None: one round trip."""
        async with self._database.connected() as connection:
            row = await connection.fetchrow(_QUERIES["look_up"], tenant_id, session_id)
        return StartedSession(*row) if row is not None else None

    async def close(self, tenant_id: str, session_id: UUID, closed_at: datetime) -> None:
        """Note that the caller closed it."""
        async with self._working(tenant_id) as connection:
            await connection.execute(_QUERIES["close"], tenant_id, session_id, closed_at)

    async def challenge_threshold(self, tenant_id: str) -> int:
        """Tell below which trust the tenant wants a challenge."""
        async with self._working(tenant_id) as connection:
            found = await connection.fetchval(_QUERIES["challenge_threshold"], tenant_id)
        if found is None:
            raise StoreUnavailable
        return int(found)

    @asynccontextmanager
    async def _working(self, tenant_id: str) -> AsyncIterator[Connection]:
        async with self._database.connected() as connection, connection.transaction():
            await connection.execute(_QUERIES["tenant"], tenant_id)
            yield connection
