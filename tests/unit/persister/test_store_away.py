"""Which troubles of the driver mean that the store is away, so that the write is tried again."""

from types import TracebackType
from typing import Any, cast

import asyncpg
import pytest

from services.persister.errors import StoreAway
from services.persister.planning import Stream
from services.persister.postgres import PostgresStore


class BrokenConnection:
    """A connection that the server left: giving it back to the pool fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __aenter__(self) -> "BrokenConnection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise self._error

    async def fetch(self, *_: Any) -> list[Any]:
        return []


class Pool:
    """Gives nothing but broken connections."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def acquire(self, *, timeout: float) -> BrokenConnection:
        return BrokenConnection(self._error)

    async def expire_connections(self) -> None:
        pass


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        ConnectionResetError(),
    ],
)
async def test_a_connection_that_breaks_means_the_store_is_away(error: Exception) -> None:
    store = PostgresStore(cast("asyncpg.Pool[asyncpg.Record]", Pool(error)))
    with pytest.raises(StoreAway):
        await store.next_offsets([Stream("events.behavior.v1", 0)])


async def test_any_other_trouble_is_not_taken_for_an_absence() -> None:
    store = PostgresStore(cast("asyncpg.Pool[asyncpg.Record]", Pool(RuntimeError("a bug"))))
    with pytest.raises(RuntimeError):
        await store.next_offsets([Stream("events.behavior.v1", 0)])
