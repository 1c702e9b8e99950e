"""What every receipt store does, in memory and over PostgreSQL as the gateway's own role."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.servers_for_tests import Servers
from services.gateway.memory import MemoryReceiptStore
from services.gateway.ports import ReceiptStore, Rejection, StoredReceipt, StoreUnavailable
from services.gateway.receipts import PostgresReceipts

NOW = datetime.now(UTC).replace(microsecond=0)


class Bench:
    """A store and the persister's side of it."""

    def __init__(self, store: ReceiptStore, owner: asyncpg.Connection | None) -> None:
        self.store = store
        self._memory = store if isinstance(store, MemoryReceiptStore) else None
        self._owner = owner
        self.tenant = f"t{secrets.token_hex(6)}"

    async def batch(self, batch_id: UUID, tenant_id: str | None = None) -> None:
        tenant_id = tenant_id or self.tenant
        if self._memory is not None:
            self._memory.receipts[tenant_id, batch_id] = StoredReceipt("behavior", "session/s-1", 7, NOW, NOW)
            return
        assert self._owner is not None
        await self._owner.execute(
            "INSERT INTO batches (received_at, persisted_at, source_offset, clock_skew_ms, source_partition,"
            " event_count, batch_id, tenant_id, domain, subject_type, subject_id, traceparent, payload)"
            " VALUES ($1, $1, 1, 0, 0, 7, $2, $3, 'behavior', 'session', 's-1', '', '{}')",
            NOW,
            batch_id,
            tenant_id,
        )

    async def verdict(self, batch_id: UUID, received_at: datetime, document: str = "{}") -> None:
        if self._memory is not None:
            self._memory.verdicts[self.tenant, "session", "s-1"] = document.encode()
            self._memory.receipts[self.tenant, batch_id] = StoredReceipt(
                "behavior", "session/s-1", 7, received_at, verdict_id=uuid4(), scored_at=received_at
            )
            return
        assert self._owner is not None
        await self._owner.execute(
            "INSERT INTO verdicts (received_at, scored_at, occurred_at, session_started_at, source_offset, risk_score,"
            " confidence, source_partition, event_count, trust_score, verdict_id, batch_id, tenant_id, domain,"
            " subject_type, subject_id, action, label, traceparent, reason_codes, document)"
            " VALUES ($1, $1, $1, $1, 1, 0, 0, 0, 7, 100, $2, $3, $4, 'behavior', 'session', 's-1', 'ALLOW', 'human',"
            " '', '{}', $5)",
            received_at,
            uuid4(),
            batch_id,
            self.tenant,
            document,
        )

    async def dead_letter(self, batch_id: UUID) -> None:
        if self._memory is not None:
            letter = Rejection("persister", "row_refused", "no room", NOW)
            self._memory.receipts[self.tenant, batch_id] = StoredReceipt(rejections=(letter,))
            return
        assert self._owner is not None
        await self._owner.execute(
            "INSERT INTO dead_letters (source_timestamp, persisted_at, source_offset, source_partition, dead_letter_id,"
            " batch_id, stage, reason, detail, source_topic, tenant_id, headers, payload)"
            " VALUES ($1, $1, 1, 0, $2, $3, 'persister', 'row_refused', 'no room', 'events', $4, '{}', '')",
            NOW,
            uuid4(),
            batch_id,
            self.tenant,
        )


@pytest.fixture(params=["memory", "postgres"])
async def bench(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield Bench(MemoryReceiptStore(), None)
        return
    store = PostgresReceipts(servers.postgres_dsn_by_role["telltale_gateway"], 2)
    await store.start()
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        yield Bench(store, owner)
    finally:
        await owner.close()
        await store.stop()


async def test_an_unknown_batch_is_none(bench: Bench) -> None:
    assert await bench.store.receipt(bench.tenant, uuid4()) is None


async def test_a_persisted_batch_is_known_to_its_tenant_alone(bench: Bench) -> None:
    batch_id = uuid4()
    await bench.batch(batch_id)
    assert await bench.store.receipt(bench.tenant, batch_id) == StoredReceipt("behavior", "session/s-1", 7, NOW, NOW)
    assert await bench.store.receipt("other", batch_id) is None


async def test_two_tenants_may_use_one_batch_id(bench: Bench) -> None:
    batch_id = uuid4()
    await bench.batch(batch_id)
    await bench.batch(batch_id, "other-" + bench.tenant)
    for tenant_id in (bench.tenant, "other-" + bench.tenant):
        found = await bench.store.receipt(tenant_id, batch_id)
        assert found is not None
        assert found.events == 7


async def test_a_verdict_may_be_there_before_its_batch(bench: Bench) -> None:
    batch_id = uuid4()
    await bench.verdict(batch_id, NOW)
    found = await bench.store.receipt(bench.tenant, batch_id)
    assert found is not None
    assert (found.subject, found.events, found.received_at, found.scored_at) == ("session/s-1", 7, NOW, NOW)
    assert (found.persisted_at, found.verdict_id is not None) == (None, True)


async def test_a_dead_letter_tells_why(bench: Bench) -> None:
    batch_id = uuid4()
    await bench.dead_letter(batch_id)
    found = await bench.store.receipt(bench.tenant, batch_id)
    assert found is not None
    assert found.rejections == (Rejection("persister", "row_refused", "no room", NOW),)
    assert await bench.store.receipt("other", batch_id) is None


async def test_the_latest_verdict_is_the_latest(bench: Bench) -> None:
    assert await bench.store.latest_verdict(bench.tenant, "session", "s-1") is None
    await bench.verdict(uuid4(), NOW - timedelta(days=1), '{"n": 1}')
    await bench.verdict(uuid4(), NOW, '{"n": 2}')
    assert await bench.store.latest_verdict(bench.tenant, "session", "s-1") == b'{"n": 2}'
    assert await bench.store.latest_verdict("other", "session", "s-1") is None
    assert await bench.store.latest_verdict(bench.tenant, "card", "s-1") is None


@pytest.mark.parametrize("kind", ["memory", "postgres"])
async def test_away_is_told(kind: str, unused_tcp_port: int) -> None:
    store: ReceiptStore
    if kind == "memory":
        store = memory = MemoryReceiptStore()
        memory.available = False
    else:
        store = PostgresReceipts(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none", 2)
    await store.start()
    try:
        assert not store.ready
        with pytest.raises(StoreUnavailable):
            await store.receipt("t", uuid4())
        with pytest.raises(StoreUnavailable):
            await store.latest_verdict("t", "session", "s-1")
    finally:
        await store.stop()


async def test_keys_that_cannot_be_loaded_are_noticed(servers: Servers) -> None:
    store = PostgresReceipts(servers.postgres_dsn_by_role["telltale_gateway"], 2)
    await store.start()
    await store.load_keys()
    assert store.ready
    await store.stop()
    with pytest.raises(asyncpg.InterfaceError):
        await store.load_keys()
    assert not store.ready
