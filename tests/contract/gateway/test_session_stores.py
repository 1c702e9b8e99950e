"""What every session store does, in memory and over PostgreSQL as the gateway's own role."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.servers_for_tests import Servers
from services.gateway.memory import MemorySessionStore
from services.gateway.ports import SessionStore, StartedSession, StoreUnavailable
from services.gateway.sessions.postgres import PostgresSessions

NOW = datetime.now(UTC).replace(microsecond=0)


class Bench:
    """A store and the operator's side of it."""

    def __init__(self, store: SessionStore, owner: asyncpg.Connection | None) -> None:
        self.store = store
        self._owner = owner
        self.tenant, self.other = (f"t{secrets.token_hex(6)}" for _ in range(2))

    async def add_tenants(self) -> None:
        if self._owner is not None:
            await self._owner.executemany(
                "INSERT INTO tenants (tenant_id, name) VALUES ($1, $1)", [(self.tenant,), (self.other,)]
            )

    async def set_threshold(self, threshold: int) -> None:
        if isinstance(self.store, MemorySessionStore):
            self.store.thresholds[self.tenant] = threshold
            return
        assert self._owner is not None
        await self._owner.execute(
            "UPDATE tenants SET challenge_threshold = $2 WHERE tenant_id = $1", self.tenant, threshold
        )

    async def see(self, session_id: object, last_seen_at: datetime) -> None:
        """Store a session row, as the persister does."""
        if isinstance(self.store, MemorySessionStore):
            self.store.seen[self.tenant, session_id] = last_seen_at  # type: ignore[index]
            return
        assert self._owner is not None
        await self._owner.execute(
            "INSERT INTO sessions (tenant_id, domain, subject_type, subject_id, started_at, last_seen_at, batch_count,"
            " event_count, last_verdict_id, last_action, last_label, last_risk_score, source_partition, source_offset)"
            " VALUES ($1, 'behavior', 'session', $2, $3, $4, 1, 1, gen_random_uuid(), 'ALLOW', 'human', 0, 0, 0)",
            self.tenant,
            str(session_id),
            NOW,
            last_seen_at,
        )


@pytest.fixture(params=["memory", "postgres"])
async def bench(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield Bench(MemorySessionStore(), None)
        return
    store = PostgresSessions(servers.postgres_dsn_by_role["telltale_gateway"], 2)
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    await store.start()
    bench = Bench(store, owner)
    await bench.add_tenants()
    try:
        yield bench
    finally:
        await store.stop()
        await owner.close()


async def test_a_session_is_found_as_it_began(bench: Bench) -> None:
    session_id = uuid4()
    begun = await bench.store.begin(bench.tenant, session_id, "u-1", b'{"device.fingerprint":{}}', NOW)
    assert begun == StartedSession("u-1", NOW, None, None, 50)
    assert await bench.store.look_up(bench.tenant, session_id) == begun


async def test_one_that_is_there_stays_as_it_is(bench: Bench) -> None:
    session_id = uuid4()
    first = await bench.store.begin(bench.tenant, session_id, None, b"{}", NOW)
    again = await bench.store.begin(bench.tenant, session_id, "other", b"{}", NOW + timedelta(hours=1))
    assert again == first


async def test_closing_counts_once_and_never_before_the_start(bench: Bench) -> None:
    early, twice = uuid4(), uuid4()
    for session_id in (early, twice):
        await bench.store.begin(bench.tenant, session_id, None, b"{}", NOW)
    await bench.store.close(bench.tenant, early, NOW - timedelta(seconds=5))
    for seconds in (7, 9):
        await bench.store.close(bench.tenant, twice, NOW + timedelta(seconds=seconds))
    for session_id, closed_at in ((early, NOW), (twice, NOW + timedelta(seconds=7))):
        found = await bench.store.look_up(bench.tenant, session_id)
        assert found is not None
        assert found.closed_at == closed_at


async def test_a_stored_verdict_tells_when_it_was_seen(bench: Bench) -> None:
    session_id = uuid4()
    await bench.store.begin(bench.tenant, session_id, None, b"{}", NOW)
    await bench.see(session_id, NOW + timedelta(minutes=3))
    found = await bench.store.look_up(bench.tenant, session_id)
    assert found is not None
    assert found.last_seen_at == NOW + timedelta(minutes=3)


async def test_sessions_are_the_tenant_s_own(bench: Bench) -> None:
    session_id = uuid4()
    await bench.store.begin(bench.tenant, session_id, "u-1", b"{}", NOW)
    assert await bench.store.look_up(bench.other, session_id) is None
    await bench.store.close(bench.other, session_id, NOW)
    found = await bench.store.look_up(bench.tenant, session_id)
    assert found is not None
    assert found.closed_at is None
    theirs = await bench.store.begin(bench.other, session_id, "u-2", b"{}", NOW)
    assert theirs.user_id == "u-2"


async def test_the_threshold_is_the_tenant_s(bench: Bench) -> None:
    await bench.set_threshold(70)
    assert await bench.store.challenge_threshold(bench.tenant) == 70
    assert await bench.store.challenge_threshold(bench.other) == 50
    session_id = uuid4()
    assert (await bench.store.begin(bench.tenant, session_id, None, b"{}", NOW)).challenge_threshold == 70


async def test_an_absent_database_is_said(unused_tcp_port: int) -> None:
    memory = MemorySessionStore()
    memory.available = False
    away = PostgresSessions(f"postgresql://nobody:x@127.0.0.1:{unused_tcp_port}/none", 2)
    await away.start()
    try:
        for store in (memory, away):
            with pytest.raises(StoreUnavailable):
                await store.begin("acme", uuid4(), None, b"{}", NOW)
            with pytest.raises(StoreUnavailable):
                await store.look_up("acme", uuid4())
            with pytest.raises(StoreUnavailable):
                await store.close("acme", uuid4(), NOW)
            with pytest.raises(StoreUnavailable):
                await store.challenge_threshold("acme")
    finally:
        await away.stop()


async def test_the_gateway_changes_nothing_of_a_session_but_its_end(servers: Servers) -> None:
    gateway = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_gateway"])
    try:
        for statement in (
            "UPDATE started_sessions SET user_id = 'x'",
            "UPDATE started_sessions SET closed_at = NULL, tenant_id = 'x'",
            "DELETE FROM started_sessions",
            "UPDATE tenants SET challenge_threshold = 0",
            "SELECT forget_started_sessions(11)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await gateway.execute(statement)
        assert await gateway.fetch("SELECT FROM started_sessions") == [], "no tenant named, nothing seen"
    finally:
        await gateway.close()


async def test_only_old_sessions_are_forgotten(servers: Servers) -> None:
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    persister = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_persister"])
    tenant = f"t{secrets.token_hex(6)}"
    try:
        await owner.execute("INSERT INTO tenants (tenant_id, name) VALUES ($1, $1)", tenant)
        for days in (10, 12):
            await owner.execute(
                "INSERT INTO started_sessions (tenant_id, session_id, started_at) VALUES ($1, $2, $3)",
                tenant,
                uuid4(),
                NOW - timedelta(days=days),
            )
        assert await persister.fetchval("SELECT forget_started_sessions(11)") >= 1
        kept = await owner.fetch("SELECT started_at FROM started_sessions WHERE tenant_id = $1", tenant)
        assert [row["started_at"] for row in kept] == [NOW - timedelta(days=10)]
        with pytest.raises(asyncpg.RaiseError, match="at least 11 days"):
            await persister.execute("SELECT forget_started_sessions(10)")
    finally:
        await owner.close()
        await persister.close()
