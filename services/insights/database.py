"""PostgreSQL connections that come back by themselves, with every wait bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.insights.ports import SourceAway

_CONNECT_TIMEOUT_S: Final = 3.0
_QUERY_TIMEOUT_S: Final = 5.0
_CLOSE_TIMEOUT_S: Final = 2.0


class Database:
    """A pool that opens connections when they are needed, so that the server may be away at any time.

    Parameters
    ----------
    dsn
        ``postgresql://`` address.
    connections
        Most at once.
    """

    def __init__(self, dsn: str, *, connections: int) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: asyncpg.Pool | None = None

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._connections,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_QUERY_TIMEOUT_S,
            server_settings={"application_name": "telltale-insights", "timezone": "UTC"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), _CLOSE_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Run one query and give its rows."""
        async with self._connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *args)
            return rows

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
        """Give a connection in a read-only transaction that sees one moment.

        Raises
        ------
        SourceAway
            When PostgreSQL is away, overloaded, or refuses.
        """
        try:
            async with self._connection() as connection:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise SourceAway("postgres", error) from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
        if self._pool is None:
            raise asyncpg.InterfaceError("the pool is not open")
        async with self._pool.acquire(timeout=_CONNECT_TIMEOUT_S) as connection:
            yield connection
