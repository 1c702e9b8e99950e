"""The gateway's connections to PostgreSQL: opened when needed, every wait bounded, as the gateway's own role."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg

from services.gateway.ports import StoreUnavailable

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_log = logging.getLogger(__name__)
_TIMEOUT_S: Final = 2.0
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def read_queries(path: Path) -> dict[str, str]:
    """Read a file of named queries, without their comments."""
    queries = {}
    for part in re.split(r"^-- name: ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        queries[name.strip()] = "\n".join(lines).strip().rstrip(";")
    return queries


class Database:
    """A pool of connections.

    Parameters
    ----------
    dsn
        PostgreSQL, as the gateway's own role.
    pool_size
        Most connections.
    reset
        What to do with a connection that comes back; by default the driver's way, one round trip.

    Attributes
    ----------
    answered
        Whether it answered last time.
    """

    def __init__(self, dsn: str, pool_size: int, reset: Callable[[Any], Awaitable[None]] | None = None) -> None:
        # Without a least size the pool connects at first use, so the gateway starts while the database is away.
        self.pool = asyncpg.create_pool(
            dsn, min_size=0, max_size=pool_size, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S, reset=reset
        )
        self.answered = False
        self._told = False

    async def start(self) -> None:
        """Make the pool ready; connects to nothing yet."""
        await self.pool

    async def stop(self) -> None:
        """Close every connection."""
        try:
            await asyncio.wait_for(self.pool.close(), _TIMEOUT_S)
        except _AWAY:
            self.pool.terminate()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """Give a connection.

        Raises
        ------
        StoreUnavailable
            The database cannot answer.
        """
        try:
            async with asyncio.timeout(2 * _TIMEOUT_S), self.pool.acquire(timeout=_TIMEOUT_S) as connection:
                yield connection
        except _AWAY as error:
            # Once the outage is known, a line for every look-up would only drown it.
            _log.log(logging.DEBUG if self._told else logging.WARNING, "the database cannot answer: %r", error)
            self.answered, self._told = False, True
            raise StoreUnavailable from error
        self.answered, self._told = True, False
