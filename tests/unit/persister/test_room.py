from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from services.persister.errors import StoreAway
from services.persister.postgres import PostgresStore


class CrampedConnection:
    """Answers as PostgreSQL does when there is no room for a new day."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str | int]] = []

    async def fetchval(self, _: str, table: str) -> int:
        raise asyncpg.DiskFullError(f"no room for {table}")

    async def execute(self, query: str, first: str | int, _: int = 0) -> None:
        self.done.append((query, first))


class OneConnection:
    def __init__(self, connection: CrampedConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self, **_: float) -> Any:
        yield self._connection

    async def expire_connections(self) -> None:
        """Nothing to do: the one connection is never kept."""


async def test_what_is_old_goes_before_there_is_no_room_for_a_new_day() -> None:
    connection = CrampedConnection()
    store = PostgresStore(cast("asyncpg.Pool[asyncpg.Record]", OneConnection(connection)))
    with pytest.raises(StoreAway, match="no room for batches"):
        await store.maintain({"batches": 30, "sessions": 90}, 400)
    assert connection.done == [
        ("SELECT drop_old_days($1, $2)", "batches"),
        ("SELECT drop_old_days($1, $2)", "sessions"),
        ("SELECT forget_kpis($1)", 400),
        ("SELECT forget_started_sessions($1)", 90),
    ]
