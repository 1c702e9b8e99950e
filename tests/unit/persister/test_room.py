from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from services.persister.errors import StoreAway
from services.persister.postgres import PostgresStore


class CrampedConnection:
    """Answers as PostgreSQL does when there is no room for a new day of batches."""

    def __init__(self) -> None:
        self.tended: list[str] = []

    async def fetchrow(self, _: str, table: str, __: int) -> dict[str, int | None]:
        self.tended.append(table)
        return {"made": None if table == "batches" else 0, "dropped": 1, "in_default": 0}

    async def execute(self, query: str, _: int) -> None:
        self.tended.append(query)


class OneConnection:
    def __init__(self, connection: CrampedConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self, **_: float) -> Any:
        yield self._connection


async def test_no_room_for_a_new_day_is_tried_again_after_everything_else_was_tended() -> None:
    connection = CrampedConnection()
    store = PostgresStore(cast("asyncpg.Pool[asyncpg.Record]", OneConnection(connection)))
    with pytest.raises(StoreAway, match="no room for new days of batches"):
        await store.maintain({"batches": 30, "sessions": 90}, 400)
    forgotten = ["SELECT forget_kpis($1)", "SELECT forget_started_sessions($1)"]
    assert connection.tended == ["batches", "sessions", *forgotten]
