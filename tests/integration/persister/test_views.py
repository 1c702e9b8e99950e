"""The views that people know by other names: what they tell, to whom, and that each column says what it is."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from deploy.local.servers_for_tests import Servers
from services.persister.planning import Stream
from services.persister.postgres import PostgresStore, open_pool
from shared.contracts.verdict import SessionFacts, Verdict, VerdictSubject
from tests.contract.persister.suites import plan_of
from tests.integration.persister.harness import new_tenant
from tests.unit.persister.records import batch_record, verdict_of, verdict_record

VIEWS = ("behavior_data", "detection_results", "behavior_logs", "queue")
START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
PAYLOAD = b'{"events": [{"type": "scroll", "occurred_at": "2026-01-01T00:00:00Z", "y": 1}]}'


class Known:
    """A tenant with a user judged by name, a user's started session, and a session of nobody known."""

    def __init__(self, owner: "asyncpg.Connection[asyncpg.Record]", store: PostgresStore, threshold: int) -> None:
        self.tenant_id = new_tenant()
        self.session_id = uuid.uuid4()
        self._owner = owner
        self._store = store
        self._threshold = threshold

    async def settle(self) -> None:
        await self._owner.execute(
            "INSERT INTO tenants (tenant_id, name, challenge_threshold) VALUES ($1, $1, $2)",
            self.tenant_id, self._threshold,
        )  # fmt: skip
        await self._owner.execute(
            "INSERT INTO started_sessions (tenant_id, session_id, user_id, started_at) VALUES ($1, $2, 'ann', $3)",
            self.tenant_id, self.session_id, START,
        )  # fmt: skip

    async def judged(self, subject: str, place: int, trust: int, minute: int) -> Verdict:
        """Store a batch and its verdict, received in a minute after the start."""
        subject_type, _, subject_id = subject.partition("/")
        at = START + timedelta(minutes=minute)
        verdict = msgspec.structs.replace(
            verdict_of(tenant_id=self.tenant_id, subject_id=subject_id, received_at=at, event_count=4),
            subject=VerdictSubject(subject_type, subject_id),  # type: ignore[arg-type]
            trust_score=trust, risk_score=1 - trust / 100,
            session=SessionFacts(at - timedelta(minutes=place - 1), at, place, 4 * place),
        )  # fmt: skip
        batch = batch_record(
            batch_id=verdict.batch_id, tenant_id=self.tenant_id, subject=subject, received_at=at, event_count=4,
            clock_skew_ms=-20, value=PAYLOAD,
        )  # fmt: skip
        for topic, record in (("events.behavior.v1", batch), ("verdicts.v1", verdict_record(0, verdict))):
            stream = Stream(f"test.{uuid.uuid4()}", 0)
            await self._store.claim({stream: 0})
            await self._store.write(plan_of(stream, topic, [record]))
        return verdict


@pytest.fixture
async def owner(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    yield connection
    await connection.close()


@pytest.fixture
async def known(servers: Servers, owner: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Known]:
    pool = await open_pool(servers.postgres_dsn_by_role["telltale_persister"])
    made = Known(owner, PostgresStore(pool), threshold=55)
    await made.settle()
    yield made
    await pool.close()


async def read(servers: Servers, tenant_id: str, query: str, role: str = "insights") -> list[dict[str, Any]]:
    reader = await asyncpg.connect(servers.postgres_dsn_by_role[f"telltale_{role}"])
    try:
        async with reader.transaction():
            await reader.execute("SELECT set_config('telltale.tenant_id', $1, true)", tenant_id)
            return [dict(row) for row in await reader.fetch(query)]
    finally:
        await reader.close()


async def test_what_was_sent_and_what_was_found_stand_side_by_side(servers: Servers, known: Known) -> None:
    session = f"session/{known.session_id}"
    mine = await known.judged(session, 1, trust=54, minute=1)
    await known.judged("session/of-nobody-known", 1, trust=55, minute=2)
    await known.judged("customer/bob", 1, trust=90, minute=3)
    await known.judged("card/c-1", 1, trust=90, minute=4)

    sent = await read(servers, known.tenant_id, "SELECT * FROM behavior_data ORDER BY created_at")
    people = [(str(known.session_id), "ann"), ("of-nobody-known", None), (None, "bob"), (None, None)]
    assert [(row["session_id"], row["user_id"]) for row in sent] == people
    assert sent[0] == {
        "tenant_id": known.tenant_id, "batch_id": mine.batch_id, "session_id": str(known.session_id), "user_id": "ann",
        "event_count": 4, "clock_skew_ms": -20, "data": PAYLOAD.decode(), "created_at": mine.received_at,
    }  # fmt: skip

    found = await read(servers, known.tenant_id, "SELECT * FROM detection_results ORDER BY created_at")
    assert [(row["session_id"], row["user_id"]) for row in found] == people
    assert [row["is_human"] for row in found] == [False, True, True, True], "the tenant asks for a trust of 55"
    assert found[0] == {
        "tenant_id": known.tenant_id, "verdict_id": mine.verdict_id, "batch_id": mine.batch_id,
        "session_id": str(known.session_id), "user_id": "ann", "is_human": False,
        "score": 0.54, "risk_score": pytest.approx(0.46), "trust_score": 54, "confidence": 0.75,
        "action": "CHALLENGE", "label": "suspicious", "reasons": ["STRAIGHT_PATHS"], "event_count": 4,
        "processing_time_ms": 3.0, "received_at": mine.received_at,
        "created_at": mine.received_at + timedelta(milliseconds=3),
    }  # fmt: skip


async def test_the_trust_in_each_user_is_logged(servers: Servers, known: Known) -> None:
    session = f"session/{known.session_id}"
    for place, trust in enumerate((80, 79, 60, 59, 54, 40, 39), 1):
        await known.judged(session, place, trust, minute=place)
    await known.judged("session/of-nobody-known", 1, trust=10, minute=1)
    logs = await read(servers, known.tenant_id, "SELECT * FROM behavior_logs ORDER BY created_at")
    assert [(row["trust_score"], row["trust_level"], row["needs_captcha"]) for row in logs] == [
        (80, "high", False), (79, "medium", False), (60, "medium", False), (59, "low", False), (54, "low", True),
        (40, "low", True), (39, "suspicious", True),
    ]  # fmt: skip
    assert {row["user_id"] for row in logs} == {"ann"}


async def test_the_queue_has_the_latest_trust_of_each_user(servers: Servers, known: Known) -> None:
    session = f"session/{known.session_id}"
    await known.judged(session, 1, trust=80, minute=1)
    await known.judged("customer/ann", 1, trust=70, minute=2)
    last = await known.judged(session, 2, trust=30, minute=3)
    await known.judged("customer/bob", 1, trust=90, minute=1)
    await known.judged("session/of-nobody-known", 1, trust=10, minute=5)
    rows = await read(servers, known.tenant_id, "SELECT * FROM queue ORDER BY user_id")
    assert [(row["user_id"], row["trust_score"], row["trust_level"], row["needs_captcha"]) for row in rows] == [
        ("ann", 30, "suspicious", True), ("bob", 90, "high", False),
    ]  # fmt: skip
    assert (rows[0]["verdict_id"], rows[0]["session_id"]) == (last.verdict_id, str(known.session_id))
    assert (rows[0]["batch_count"], rows[0]["event_count"], rows[0]["updated_at"]) == (2, 8, last.received_at)
    await known.judged("customer/ann", 2, trust=75, minute=4)
    (ann,) = await read(servers, known.tenant_id, "SELECT * FROM queue WHERE user_id = 'ann'")
    assert (ann["trust_score"], ann["session_id"]) == (75, None)


@pytest.mark.parametrize("role", ["gateway", "insights"])
async def test_the_views_show_the_named_tenant_and_no_other(
    servers: Servers, known: Known, owner: "asyncpg.Connection[asyncpg.Record]", role: str
) -> None:
    await known.judged(f"session/{known.session_id}", 1, trust=80, minute=1)
    other = Known(owner, known._store, threshold=50)
    await other.settle()
    await other.judged("customer/eve", 1, trust=80, minute=1)
    for view in VIEWS:
        assert len(await read(servers, known.tenant_id, f"SELECT * FROM {view}", role)) == 1
        theirs = f"SELECT * FROM {view} WHERE tenant_id = '{other.tenant_id}'"
        assert await read(servers, known.tenant_id, theirs, role) == []
        assert await read(servers, "", f"SELECT * FROM {view}", role) == []


@pytest.mark.parametrize("role", ["monitor", "persister", "operator"])
async def test_nobody_else_reads_them(servers: Servers, known: Known, role: str) -> None:
    for view in VIEWS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await read(servers, known.tenant_id, f"SELECT * FROM {view}", role)


async def test_every_column_of_the_views_says_what_it_is(owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    columns = await owner.fetch(
        "SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum) IS NULL AS silent"
        " FROM pg_attribute WHERE attrelid = ANY ($1::text[]::regclass[]) AND attnum > 0",
        list(VIEWS),
    )
    assert {row[0] for row in columns} == set(VIEWS)
    assert [tuple(row) for row in columns if row["silent"]] == []


async def test_started_sessions_go_with_the_sessions_they_started(
    servers: Servers, known: Known, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    old = "INSERT INTO started_sessions (tenant_id, session_id, started_at) VALUES ($1, gen_random_uuid(), $2)"
    await owner.execute(old, known.tenant_id, START - timedelta(days=95))
    await known._store.maintain({"sessions": 90}, 400)
    count = "SELECT count(*) FROM started_sessions WHERE tenant_id = $1"
    assert await owner.fetchval(count, known.tenant_id) == 1


async def test_the_operator_reads_payloads_only_by_a_verdict(
    servers: Servers, known: Known, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    verdict = await known.judged("session/s", 1, trust=80, minute=1)
    await known.judged("session/other", 1, trust=80, minute=1)
    operator = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_operator"])
    try:
        rows = await operator.fetch("SELECT payload FROM batches_to_replay($1)", verdict.verdict_id)
        assert [row["payload"] for row in rows] == [PAYLOAD.decode()]
        for query in ("SELECT payload FROM batches", "SELECT document FROM verdicts"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await operator.fetch(query)
    finally:
        await operator.close()
    for role in ("insights", "gateway", "monitor", "persister"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await read(servers, known.tenant_id, "SELECT * FROM batches_to_replay(gen_random_uuid())", role)
