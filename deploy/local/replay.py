"""Replay recorded people and bots through the Python client, show their verdicts, and prove where every event went.

``python -m deploy.local.replay`` does it against a running system.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from rich.console import Console

import telltale
from deploy.local.addresses import Addresses
from deploy.local.demo import DEMO_TENANT
from deploy.local.errors import NeedsAttention
from deploy.local.recorded import RECORDINGS, Recording, load_recordings, pieces
from deploy.local.replay_books import Books, PostgresRows, balance, connect
from deploy.local.replay_lines import books_line, failure_line, kpi_line, outcome_line, progress_line, verdict_line
from deploy.operate.reconcile.ledger import Receipt, write_receipts

INSIGHTS_ROLE: Final = "telltale_insights"
_AT_ONCE: Final = 24
SPEED: Final = 1.0
LEDGER: Final = "replay.jsonl"
_LONGEST_SESSION_S: Final = 5.0  # longer recordings are played faster, so that all of it takes seconds
_WAIT_MS: Final = 3_000
_KPIS_EVERY_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.25
_TELL_EVERY_S: Final = 1.0
_SETTLE_TIMEOUT_S: Final = 60.0
_KEY_TIMEOUT_S: Final = 15.0
# Cut by size only: then the same recording makes the same batches, and so the same verdicts, every time.
_LIMITS: Final = telltale.Limits(linger_s=60.0, max_batch_events=60)


class ReplayFailed(NeedsAttention):
    """The replay could not run; the message says why."""


@dataclass(slots=True)
class _Run:
    """One replay under way."""

    console: Console
    client: telltale.AsyncClient
    speed: float
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    expected_events: dict[str, int] = field(default_factory=dict)
    receipts: list[uuid.UUID] = field(default_factory=list)

    async def play(self, recording: Recording) -> None:
        """Play one session and print its verdict."""
        subject_id = recording.subject_id(self.run_id)
        subject = self.client.subject("session", subject_id)
        factor = max(self.speed, recording.duration_s / _LONGEST_SESSION_S)
        began_s = time.monotonic()
        self.expected_events[subject_id] = 0
        for piece in pieces(recording, datetime.now(UTC) - timedelta(seconds=recording.duration_s)):
            await asyncio.sleep(began_s + piece.offset_s / factor - time.monotonic())
            self.expected_events[subject_id] += piece.event_count
            for event in piece.objects:
                await self._surely(subject.add, event)
            if piece.track:
                await self._surely(subject.add_track, piece.track)
        asked_s = time.perf_counter()
        try:
            verdict = await subject.verdict(_WAIT_MS)
        except telltale.TelltaleError as error:
            self.console.print(failure_line(recording, error), soft_wrap=True)
        else:
            took_ms = (time.perf_counter() - asked_s) * 1_000
            self.console.print(verdict_line(recording, verdict, took_ms), soft_wrap=True)

    async def _surely(self, add: Callable[[Mapping[str, Any]], bool], fields: Mapping[str, Any]) -> None:
        while not add(fields):
            await self.client.flush()


async def replay(
    addresses: Addresses,
    *,
    console: Console | None = None,
    recordings: Path = RECORDINGS,
    sessions: int | None = None,
    speed: float = SPEED,
    ledger: Path | None = None,
) -> dict[str, Any]:
    """Replay recordings and wait until every event is accounted for.

    Parameters
    ----------
    addresses
        Where the system is.
    console
        Where lines are printed.
    recordings
        File of recordings.
    sessions
        How many of them; None is all.
    speed
        How many times faster than they were recorded.
    ledger
        File to which each receipt is added, for ``make reconcile``.

    Returns
    -------
    dict
        ``sessions_replayed, batches, verdicts, persisted_events, lost, duplicated, duplicated_verdicts, dead_letters,
        humans, humans_allowed, bots, bots_flagged``, counted from PostgreSQL's rows. ``lost`` and ``duplicated`` count
        events against the recordings themselves, whatever the gateway answered.

    Raises
    ------
    ReplayFailed
        There are no recordings, or the gateway or PostgreSQL does not let us in.
    """
    console = console or Console()
    chosen = _load(recordings, sessions)
    started_at = datetime.now(UTC) - timedelta(minutes=1)  # the database's clock may be another one
    receipts: list[uuid.UUID] = []

    def keep(receipt: telltale.Receipt) -> None:
        receipts.append(receipt.batch_id)
        if ledger is not None:
            write_receipts(ledger, [Receipt(receipt.batch_id, receipt.events, DEMO_TENANT, datetime.now(UTC))])

    client = telltale.AsyncClient(
        addresses.gateway_url,
        addresses.demo_api_key,
        limits=_LIMITS,
        on_receipt=keep,
        on_drop=lambda dropped: console.print(f"[red]dropped[/red] {dropped.event_count}: {dropped.detail}"),
    )
    async with client, _rows(addresses) as rows:
        await until_key_is_known(client)
        run = _Run(console, client, speed, receipts=receipts)
        async with asyncio.TaskGroup() as background:
            ticker = background.create_task(_tell_kpis(addresses, console))
            await _all(run.play, chosen, _AT_ONCE)
            await client.flush()
            books = await _settled_books(run, rows, started_at)
            ticker.cancel()
        stats = client.stats()
    await _tell_kpis_once(addresses, console)
    summary = _summary(run, chosen, books)
    console.print(books_line(books, stats.dropped + stats.unknown), soft_wrap=True)
    console.print(outcome_line(summary), soft_wrap=True)
    return summary


def _load(recordings: Path, sessions: int | None) -> list[Recording]:
    try:
        return load_recordings(recordings, sessions)
    except FileNotFoundError:
        raise ReplayFailed(f"there are no recordings at {recordings}") from None


async def until_key_is_known(client: telltale.AsyncClient, timeout_s: float = _KEY_TIMEOUT_S) -> None:
    """Wait for the gateway to load a key that was made a moment ago.

    Raises
    ------
    ReplayFailed
        It did not in time, or there is no gateway.
    """
    why = "it does not answer"
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await client.receipt(uuid.uuid4())
                except telltale.Unauthenticated:
                    why = "it does not know the API key"
                    await asyncio.sleep(_LOOK_EVERY_S)
                except telltale.Refused:
                    return  # it knows us, and no such batch
    except (TimeoutError, telltale.Unavailable):
        raise ReplayFailed(f"the gateway does not let us in: {why}") from None


async def _all(play: Callable[[Recording], Awaitable[None]], chosen: list[Recording], at_once: int) -> None:
    waiting = iter(chosen)

    async def play_on(waiting: Iterator[Recording]) -> None:
        for recording in waiting:
            await play(recording)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(play_on(waiting))


@asynccontextmanager
async def _rows(addresses: Addresses) -> AsyncIterator[PostgresRows]:
    try:
        connection = await connect(addresses.postgres_dsn_by_role[INSIGHTS_ROLE])
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise ReplayFailed(f"PostgreSQL does not let us in: {type(error).__name__}") from None
    try:
        yield PostgresRows(connection, DEMO_TENANT)
    finally:
        await connection.close()


async def _settled_books(run: _Run, rows: PostgresRows, since: datetime) -> Books:
    async def look() -> Books:
        return balance(await rows.rows(run.expected_events, since), run.expected_events, run.receipts)

    expected = sum(run.expected_events.values())
    return await until_settled(
        look, lambda books: run.console.print(progress_line(books, expected), soft_wrap=True), _SETTLE_TIMEOUT_S
    )


async def until_settled(
    look: Callable[[], Awaitable[Books]],
    tell: Callable[[Books], None],
    timeout_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Books:
    """Look until nothing more is to come or the time is over; tell now and then how far it is."""
    started_s = told_s = clock()
    while True:
        books = await look()
        now_s = clock()
        if books.settled or now_s - started_s >= timeout_s:
            return books
        if now_s - told_s >= _TELL_EVERY_S:
            tell(books)
            told_s = now_s
        await sleep(_LOOK_EVERY_S)


async def _tell_kpis(addresses: Addresses, console: Console) -> None:
    answered = True
    while answered:
        answered = await _tell_kpis_once(addresses, console)
        await asyncio.sleep(_KPIS_EVERY_S)


async def _tell_kpis_once(addresses: Addresses, console: Console) -> bool:
    headers = {"authorization": f"Bearer {addresses.demo_api_key}"}
    try:
        async with httpx.AsyncClient(base_url=addresses.insights_url, headers=headers, timeout=5.0) as http:
            answer = await http.get("/v1/kpis")
            answer.raise_for_status()
            console.print(kpi_line(answer.json()["totals"]), soft_wrap=True)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        console.print(f"KPIs: insights does not answer ({type(error).__name__})", style="dim", markup=False)
        return False
    return True


def went_well(summary: Mapping[str, Any]) -> bool:
    """Tell whether everything a replay sent is there exactly once, each batch with its verdict."""
    wrong = any(summary[name] for name in ("lost", "duplicated", "duplicated_verdicts", "dead_letters"))
    return not wrong and summary["verdicts"] == summary["batches"] > 0


def _summary(run: _Run, chosen: list[Recording], books: Books) -> dict[str, Any]:
    actions = [(one.is_human, books.last_action.get(one.subject_id(run.run_id))) for one in chosen]
    people = [action for is_human, action in actions if is_human]
    bots = [action for is_human, action in actions if not is_human]
    return {
        "sessions_replayed": len(chosen),
        "batches": books.batches,
        "verdicts": books.verdicts,
        "persisted_events": books.persisted_events,
        "lost": books.lost,
        "duplicated": books.duplicated,
        "duplicated_verdicts": books.doubled_verdicts,
        "dead_letters": books.dead_letters,
        "humans": len(people),
        "humans_allowed": people.count("ALLOW"),
        "bots": len(bots),
        "bots_flagged": sum(1 for action in bots if action not in {None, "ALLOW"}),
    }


if __name__ == "__main__":
    from deploy.local.replay_command import main

    main()
