"""The key ring: a revoked key stops, a lost database does not."""

import asyncio
from collections.abc import Mapping

import asyncpg
import pytest

from shared import tenancy
from shared.api_keys import StoredKey, new_key
from shared.tenancy import KeyRing


class Store:
    def __init__(self) -> None:
        self.keys: dict[str, StoredKey] = {}
        self.away: Exception | None = None
        self.loads = asyncio.Condition()
        self.count = 0

    async def load(self) -> Mapping[str, StoredKey]:
        async with self.loads:
            self.count += 1
            self.loads.notify_all()
        if self.away is not None:
            raise self.away
        return dict(self.keys)


async def test_a_revoked_key_stops_at_the_next_refresh() -> None:
    store, key = Store(), new_key()
    ring = KeyRing(store.load)
    assert not ring.loaded
    store.keys[key.key_id] = StoredKey("acme", key.secret_sha256)
    await ring.refresh()
    assert ring.find(key.text) == StoredKey("acme", key.secret_sha256)
    store.keys.clear()
    await ring.refresh()
    assert ring.find(key.text) is None


@pytest.mark.parametrize("error", [ConnectionRefusedError(), asyncpg.InternalClientError("out of step")])
async def test_the_last_snapshot_outlives_the_database(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(tenancy, "REFRESH_S", 0.001)
    store, key = Store(), new_key()
    store.keys[key.key_id] = StoredKey("acme", key.secret_sha256)
    ring = KeyRing(store.load)
    await ring.refresh()
    store.away = error
    keeper = asyncio.create_task(ring.keep_fresh())
    async with store.loads, asyncio.timeout(5):
        await store.loads.wait_for(lambda: store.count >= 4)
    assert ring.find(key.text) is not None
    keeper.cancel()


@pytest.mark.parametrize("steps", range(6))
async def test_keeping_fresh_ends_whenever_it_is_cancelled(steps: int) -> None:
    async def load() -> dict[str, StoredKey]:
        return {}

    task = asyncio.create_task(KeyRing(load).keep_fresh())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
