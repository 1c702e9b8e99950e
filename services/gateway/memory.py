"""In-memory adapters: for tests, and to measure the gateway without its servers."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.gateway.outbox import InFlight
from services.gateway.ports import (
    BatchKey,
    BrokerUnavailable,
    Record,
    StartedSession,
    StoredReceipt,
    StoreUnavailable,
)
from services.gateway.waiting import WaitingRoom, Watch


class MemoryPublisher:
    """Keeps records in a list. ``available`` and ``held`` stand for a broker that is away or slow."""

    def __init__(self, max_batches: int = 1_000, max_bytes: int = 2**26, timeout_s: float = 1.0) -> None:
        self.records: list[Record] = []
        self.in_flight = InFlight(max_batches, max_bytes)
        self.available = True
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.timeout_s = timeout_s

    @property
    def ready(self) -> bool:
        """Whether records can be taken now."""
        return self.available

    async def publish(self, records: Sequence[Record]) -> None:
        """Keep the records; see the port for what is raised."""
        if not self.available:
            raise BrokerUnavailable("switched off")
        self.in_flight.take(records)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self.flowing.wait()
        except TimeoutError:
            raise BrokerUnavailable("held back") from None
        finally:
            self.in_flight.give_back(records)
        self.records.extend(records)

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


class MemoryReplies:
    """Verdicts in dictionaries; `reply` stands for the scorer, ``available`` for Redis being there."""

    def __init__(self, max_waiting: int = 1_000) -> None:
        self.available = True
        self.by_batch: dict[BatchKey, bytes] = {}
        self.by_subject: dict[tuple[str, str, str], bytes] = {}
        self.room = WaitingRoom(max_waiting)

    @property
    def channel(self) -> str | None:
        """Name of the channel, while available."""
        return "memory" if self.available else None

    @property
    def ready(self) -> bool:
        """Whether replies can be heard."""
        return self.available

    def reply(self, tenant_id: str, batch_id: UUID, verdict: bytes) -> None:
        """Answer a waiting caller, as the scorer does."""
        self.by_batch[tenant_id, batch_id] = verdict
        if self.available:
            self.room.answer((tenant_id, batch_id), verdict)

    async def answered(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Give verdicts answered before."""
        if not self.available:
            return {}
        keys = [(tenant_id, batch_id) for batch_id in batch_ids]
        return {key[1]: self.by_batch[key] for key in keys if key in self.by_batch}

    async def latest(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict."""
        return self.by_subject.get((tenant_id, subject_type, subject_id)) if self.available else None

    @contextmanager
    def expect(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Iterator[Watch]:
        """Listen for verdicts."""
        with self.room.expect(tenant_id, batch_ids) as watch:
            yield watch

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


class MemoryReceiptStore:
    """Receipts and verdicts in dictionaries; ``available`` stands for PostgreSQL being there."""

    def __init__(self) -> None:
        self.available = True
        self.receipts: dict[BatchKey, StoredReceipt] = {}
        self.verdicts: dict[tuple[str, str, str], bytes] = {}

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self.available

    async def receipt(self, tenant_id: str, batch_id: UUID) -> StoredReceipt | None:
        """Give what is known of a batch."""
        self._check()
        return self.receipts.get((tenant_id, batch_id))

    async def latest_verdict(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict."""
        self._check()
        return self.verdicts.get((tenant_id, subject_type, subject_id))

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if not self.available:
            raise StoreUnavailable


class MemorySessionStore:
    """Sessions in a dictionary; ``available`` stands for PostgreSQL being there, ``seen`` for stored verdicts."""

    def __init__(self) -> None:
        self.available = True
        self.asked = 0
        self.sessions: dict[BatchKey, StartedSession] = {}
        self.facts: dict[BatchKey, bytes] = {}
        self.seen: dict[BatchKey, datetime] = {}
        self.thresholds: dict[str, int] = {}

    async def begin(
        self, tenant_id: str, session_id: UUID, user_id: str | None, facts: bytes, started_at: datetime
    ) -> StartedSession:
        """Keep a session."""
        self._check()
        key = (tenant_id, session_id)
        if key not in self.sessions:
            self.sessions[key] = StartedSession(user_id, started_at, None, None, 50)
            self.facts[key] = facts
        return self._with_threshold(key)

    async def look_up(self, tenant_id: str, session_id: UUID) -> StartedSession | None:
        """Give a session."""
        self._check()
        key = (tenant_id, session_id)
        return self._with_threshold(key) if key in self.sessions else None

    async def close(self, tenant_id: str, session_id: UUID, closed_at: datetime) -> None:
        """Close a session."""
        self._check()
        found = self.sessions.get((tenant_id, session_id))
        if found is not None and found.closed_at is None:
            self.sessions[tenant_id, session_id] = replace(found, closed_at=max(closed_at, found.started_at))

    async def challenge_threshold(self, tenant_id: str) -> int:
        """Give a tenant's threshold."""
        self._check()
        return self.thresholds.get(tenant_id, 50)

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def _with_threshold(self, key: BatchKey) -> StartedSession:
        threshold = self.thresholds.get(key[0], 50)
        return replace(self.sessions[key], last_seen_at=self.seen.get(key), challenge_threshold=threshold)

    def _check(self) -> None:
        self.asked += 1
        if not self.available:
            raise StoreUnavailable
