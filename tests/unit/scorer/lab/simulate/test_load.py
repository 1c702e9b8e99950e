"""Simulated sessions reach a gateway whole, under names of their own, at the rate asked for."""

import time
from datetime import UTC, datetime

import telltale
from services.gateway.app import Adapters, create_app
from services.gateway.memory import MemoryPublisher, MemoryReceiptStore, MemoryReplies, MemorySessionStore
from services.scorer.lab.simulate.families import FAMILIES
from services.scorer.lab.simulate.load import ended_now, send
from services.scorer.lab.simulate.sessions import event_count, simulate, simulate_all
from tests.unit.gateway.kit import Keys, served, settings
from tests.unit.sdk.misbehaving import misbehaving_gateway


async def test_every_event_is_delivered() -> None:
    sessions = list(simulate_all(["mouse", "keys_constant", "touch"], 6, seed=2))

    async with misbehaving_gateway() as gateway, telltale.AsyncClient(gateway.url, "tt_good_key") as client:
        stats = await send(sessions, client, 1e9)
        subjects = {batch["subject"]["id"].rsplit("-", 1)[0] for batch in gateway.stored.values()}

    assert stats.delivered == stats.added == sum(map(event_count, sessions))
    assert subjects == {session["session_id"] for session in sessions}


async def test_a_full_buffer_makes_it_wait_not_lose() -> None:
    sessions = [simulate("mouse", 2, index) for index in range(4)]
    largest = max(len(event.get("t", [0])) for session in sessions for event in session["events"])
    limits = telltale.Limits(max_buffered_events=largest)

    async with (
        misbehaving_gateway() as gateway,
        telltale.AsyncClient(gateway.url, "tt_good_key", limits=limits) as client,
    ):
        stats = await send(sessions, client, 1e9)

    assert stats.delivered == sum(map(event_count, sessions)) and stats.refused > 0


async def test_it_keeps_to_the_rate() -> None:
    sessions = [simulate("keys_constant", 2, index) for index in range(3)]
    first_two = sum(map(event_count, sessions[:2]))

    async with misbehaving_gateway() as gateway, telltale.AsyncClient(gateway.url, "tt_good_key") as client:
        started_s = time.monotonic()
        await send(sessions, client, first_two / 0.2)

    assert time.monotonic() - started_s >= 0.2


async def test_the_gateway_takes_every_family() -> None:
    keys, publisher = Keys(), MemoryPublisher()
    adapters = Adapters(
        publisher, MemoryReplies(), MemoryReceiptStore(), MemorySessionStore(), keys.load, lambda: datetime.now(UTC)
    )
    sessions = list(simulate_all(list(FAMILIES), len(FAMILIES), seed=5))

    async with (
        served(create_app(settings(), adapters)) as port,
        telltale.AsyncClient(f"http://127.0.0.1:{port}", keys.text) as client,
    ):
        stats = await send(sessions, client, 1e9)

    assert stats.delivered == stats.added == sum(map(event_count, sessions))


def test_sessions_end_now_and_keep_their_shape() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    events = simulate("keys_gaussian", 3, 1)["events"]
    moved = ended_now(events, now)

    def starts(rows: list[dict[str, object]]) -> list[float]:
        times = [row.get("started_at", row.get("occurred_at")) for row in rows]
        stamps = [datetime.fromisoformat(t) if isinstance(t, str) else t for t in times]
        return [stamp.timestamp() for stamp in stamps if isinstance(stamp, datetime)]

    ends = [start + max(row.get("t", [0.0])) / 1_000 for start, row in zip(starts(moved), moved, strict=True)]
    assert abs(max(ends) - now.timestamp()) < 1e-3
    late = [after - before for before, after in zip(starts(events), starts(moved), strict=True)]
    assert max(late) - min(late) < 1e-3
