"""When a session is open: what is asked of the database, what is remembered, and how a session ends."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from services.gateway.memory import MemoryReplies, MemorySessionStore
from services.gateway.ports import StartedSession
from services.gateway.sessions.aside import Aside
from services.gateway.sessions.lifetimes import Lifetimes, Thresholds, ended
from shared.problems import Problem

TENANT = "acme"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MINUTES_30, HOURS_24 = timedelta(minutes=30), timedelta(hours=24)
A_MOMENT = timedelta(microseconds=1)


@dataclass
class Bench:
    """Two gateways over one database, and a clock."""

    store: MemorySessionStore = field(default_factory=MemorySessionStore)
    replies: MemoryReplies = field(default_factory=MemoryReplies)
    clock_s: float = 1_000.0

    def __post_init__(self) -> None:
        self.aside = Aside()
        self.here, self.elsewhere = self.gateway(), self.gateway()

    def gateway(self) -> Lifetimes:
        return Lifetimes(self.store, self.replies, self.aside, lambda: self.clock_s)

    async def begun(self) -> UUID:
        session_id = uuid4()
        await self.here.begin(TENANT, session_id, None, b"{}", NOW)
        self.store.asked = 0
        return session_id

    async def refusal(self, session_id: UUID, now: datetime = NOW, lifetimes: Lifetimes | None = None) -> str | None:
        try:
            await (lifetimes or self.here).open_one(TENANT, session_id, now)
        except Problem as problem:
            return problem.kind.code
        return None


@pytest.mark.parametrize(
    ("closed_at", "last_seen_at", "now", "end"),
    [
        (None, None, NOW, None),
        (None, None, NOW + MINUTES_30, None),
        (None, None, NOW + MINUTES_30 + A_MOMENT, "idle"),
        (None, NOW + MINUTES_30, NOW + 2 * MINUTES_30, None),
        (None, NOW + HOURS_24, NOW + HOURS_24, None),
        (None, NOW + HOURS_24, NOW + HOURS_24 + A_MOMENT, "expired"),
        (NOW, NOW, NOW, "closed"),
        (None, NOW - MINUTES_30, NOW, None),
    ],
)
def test_how_a_session_ends(
    closed_at: datetime | None, last_seen_at: datetime | None, now: datetime, end: str | None
) -> None:
    assert ended(StartedSession(None, NOW, closed_at, last_seen_at, 50), now) == end


async def test_most_posts_cost_no_query_and_hardly_one_waits_for_it() -> None:
    bench = Bench()
    session_id = await bench.begun()
    for after_s, asked_first, asked in ((0.0, 0, 0), (2.0, 0, 0), (2.1, 0, 1), (4.0, 1, 1), (4.2, 1, 2), (64.3, 3, 3)):
        bench.clock_s = 1_000 + after_s
        assert await bench.refusal(session_id) is None
        assert bench.store.asked == asked_first
        await bench.aside.settled()
        assert bench.store.asked == asked


async def test_a_close_is_felt_here_at_once_and_elsewhere_with_the_next_post_but_one() -> None:
    bench = Bench()
    session_id = await bench.begun()
    assert await bench.refusal(session_id, lifetimes=bench.elsewhere) is None
    await bench.here.close(TENANT, session_id, NOW)
    assert await bench.refusal(session_id) == "session_closed"
    bench.clock_s += 2.1
    await bench.refusal(session_id, lifetimes=bench.elsewhere)
    await bench.aside.settled()
    assert await bench.refusal(session_id, lifetimes=bench.elsewhere) == "session_closed"


async def test_a_look_up_under_way_does_not_open_what_was_closed_meanwhile() -> None:
    bench = Bench()
    session_id = await bench.begun()
    row = await bench.store.look_up(TENANT, session_id)
    answered = asyncio.Event()

    async def slow(tenant_id: str, session_id: UUID) -> StartedSession | None:
        await answered.wait()
        return row

    bench.store.look_up, quick = slow, bench.store.look_up  # type: ignore[method-assign]
    bench.clock_s += 2.1
    assert await bench.refusal(session_id) is None
    await asyncio.sleep(0)
    bench.store.look_up = quick  # type: ignore[method-assign]
    await bench.here.close(TENANT, session_id, NOW)
    answered.set()
    await bench.aside.settled()
    assert await bench.refusal(session_id) == "session_closed"


async def test_a_session_that_is_gone_is_unknown() -> None:
    bench = Bench()
    session_id = await bench.begun()
    bench.store.sessions.clear()
    bench.clock_s += 2.1
    await bench.refusal(session_id)
    await bench.aside.settled()
    assert await bench.refusal(session_id) == "not_found"


async def test_work_aside_is_bounded_and_ends_at_the_close() -> None:
    aside, begun = Aside(), []

    async def work() -> None:
        begun.append(1)
        await asyncio.Event().wait()

    for key in (*range(100), 1):
        aside.run(key, work)
    await asyncio.sleep(0)
    assert len(begun) == 64
    aside.run("at the last moment", work)
    await asyncio.wait_for(aside.stop(), 5)
    aside.run("never begun", work)
    await asyncio.wait_for(aside.stop(), 5)


async def test_what_is_closed_is_not_asked_for_again() -> None:
    bench = Bench()
    session_id = await bench.begun()
    await bench.here.close(TENANT, session_id, NOW)
    bench.clock_s += 3_600
    bench.store.available = False
    assert await bench.refusal(session_id) == "session_closed"


async def test_while_the_database_is_away_what_was_open_stays_open() -> None:
    bench = Bench()
    session_id = await bench.begun()
    bench.store.available = False
    for seconds in (3, 61):
        bench.clock_s += seconds
        assert await bench.refusal(session_id) is None
        await bench.aside.settled()
    assert await bench.refusal(uuid4()) == "store_unavailable"
    assert await bench.refusal(session_id, lifetimes=bench.elsewhere) == "store_unavailable"


async def test_data_keeps_a_session_open_and_silence_ends_it() -> None:
    bench = Bench()
    session_id = await bench.begun()
    for minutes in (20, 40, 60):
        assert await bench.refusal(session_id, now=NOW + timedelta(minutes=minutes)) is None
    assert await bench.refusal(session_id, now=NOW + timedelta(minutes=90, seconds=1)) == "session_closed"


async def test_another_gateway_knows_of_data_from_stored_verdicts_or_newer_ones() -> None:
    bench = Bench()
    session_id, later = await bench.begun(), NOW + timedelta(minutes=50)
    assert await bench.refusal(session_id, now=later, lifetimes=bench.elsewhere) == "session_closed"
    bench.store.seen[TENANT, session_id] = NOW + timedelta(minutes=25)
    bench.clock_s += 3
    assert await bench.refusal(session_id, now=later, lifetimes=bench.elsewhere) is None
    latest = {"session": {"last_seen_at": NOW + timedelta(minutes=70)}}
    bench.replies.by_subject[TENANT, "session", str(session_id)] = msgspec.json.encode(latest)
    third = bench.gateway()
    assert await bench.refusal(session_id, now=NOW + timedelta(minutes=95), lifetimes=third) is None


async def test_a_session_that_began_before_stays_as_it_was() -> None:
    bench = Bench()
    session_id = await bench.begun()
    again = await bench.here.begin(TENANT, session_id, "other", b"{}", NOW + timedelta(seconds=5))
    assert (again.user_id, again.started_at) == (None, NOW)


async def test_thresholds_are_remembered_for_a_moment_and_while_the_database_is_away() -> None:
    bench, clock = Bench(), [0.0]
    thresholds = Thresholds(bench.store, bench.aside, lambda: clock[0])
    bench.store.available = False
    assert await thresholds.of(TENANT) == 50
    bench.store.available, bench.store.thresholds[TENANT] = True, 70
    assert await thresholds.of(TENANT) == 50
    clock[0] = 2.1
    assert await thresholds.of(TENANT) == 50, "looked up aside"
    await bench.aside.settled()
    assert await thresholds.of(TENANT) == 70
    bench.store.available, clock[0] = False, 99.0
    await thresholds.of(TENANT)
    await bench.aside.settled()
    assert await thresholds.of(TENANT) == 70
