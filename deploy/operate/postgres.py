"""A connection to PostgreSQL as the operator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from deploy.operate.errors import postgres_answers

_CONNECT_TIMEOUT_S: Final = 10.0


@asynccontextmanager
async def connected(dsn: str, query_timeout_s: float, **settings: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect, with these server settings beside the usual ones.

    Raises
    ------
    SourceAway
        It does not answer, or refuses.
    """
    usual = {"application_name": "telltale-operate", "timezone": "UTC", "jit": "off"}
    with postgres_answers():
        connection = await asyncpg.connect(
            dsn, timeout=_CONNECT_TIMEOUT_S, command_timeout=query_timeout_s, server_settings=usual | settings
        )
    try:
        yield connection
    finally:
        connection.terminate()
