"""The active API keys, as a snapshot that outlives an absent database."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import asyncpg

from shared import metrics
from shared.api_keys import StoredKey, find_key

_log = logging.getLogger(__name__)
REFRESH_S: Final = 2.0

LoadKeys = Callable[[], Awaitable[Mapping[str, StoredKey]]]


class Pool(Protocol):
    """The part of asyncpg's pool that loading keys needs."""

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Run a query and give its rows."""


def load_keys_from(pool: Pool) -> LoadKeys:
    """Load active keys from PostgreSQL, through the one function that may read them."""

    async def load() -> Mapping[str, StoredKey]:
        rows = await pool.fetch("SELECT key_id, tenant_id, secret_sha256, origins FROM active_api_keys()")
        return {row["key_id"]: _stored(row) for row in rows}

    return load


def _stored(row: asyncpg.Record) -> StoredKey:
    origins = row["origins"]
    return StoredKey(row["tenant_id"], row["secret_sha256"], None if origins is None else frozenset(origins))


class KeyRing:
    """Tells whose an API key is, from memory. A revoked key stops working at the next refresh.

    Parameters
    ----------
    load
        Fetches all active keys; while it fails the last snapshot stays in force.
    """

    def __init__(self, load: LoadKeys) -> None:
        self._load = load
        self._active: Mapping[str, StoredKey] | None = None
        self._loaded_at_s = time.monotonic()

    @property
    def loaded(self) -> bool:
        """Whether a snapshot was ever loaded."""
        return self._active is not None

    @property
    def age_s(self) -> float:
        """Seconds since the last snapshot was loaded, or since the start when none ever was."""
        return time.monotonic() - self._loaded_at_s

    def find(self, key: str) -> StoredKey | None:
        """Give what is kept of an active key, or None."""
        return find_key(key, self._active or {})

    async def refresh(self) -> None:
        """Load a new snapshot; raises what loading raises."""
        self._active = await self._load()
        self._loaded_at_s = time.monotonic()

    async def keep_fresh(self) -> None:
        """Refresh every 2 seconds until cancelled."""
        while True:
            try:
                # Not wait_for: it can swallow a cancellation that comes as the refresh ends, and closing would hang.
                async with asyncio.timeout(10):
                    await self.refresh()
            except Exception as error:  # whatever it is: a revoked key must not live on because nobody refreshes
                _log.warning("API keys not refreshed, the last snapshot stays in force: %r", error)
            metrics.KEYS_AGE_SECONDS.set(self.age_s)
            await asyncio.sleep(REFRESH_S)
