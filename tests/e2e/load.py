"""Load with receipts of its own, and the count afterwards."""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import telltale
from tests.e2e.system import System

_SESSIONS = 40
_WAITING_SESSIONS = 8
_SAMPLES = 25
_WAIT_MS = 1_000
_MOST_BUFFERED_EVENTS = 50_000


@dataclass
class Load:
    """Clients that send until told to stop, and remember what they were told.

    ``acknowledged`` maps batch id to events; ``dropped`` is what the client gave up, which must be nothing here.
    ``told`` has the verdicts that callers got in answer.

    Parameters
    ----------
    batches_per_s
        Batches whose callers do not wait.
    waits_per_s
        Batches whose callers wait for the verdict.
    deadline_s
        How long the client tries to deliver a batch.
    """

    system: System
    batches_per_s: float = 60
    waits_per_s: float = 0
    deadline_s: float = 240
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    dropped: list[telltale.Dropped] = field(default_factory=list)
    told: dict[UUID, telltale.Verdict] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopping.set()
        if kind is None:
            await self._task
            return
        self._task.cancel()  # whoever ends early does not want to wait for what is still to deliver
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def until_acknowledged(self, more: int, timeout_s: float = 60) -> None:
        """Wait until so many more batches were acknowledged."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(timeout_s):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.02)

    async def _run(self) -> None:
        limits = telltale.Limits(
            linger_s=0.05, deadline_s=self.deadline_s, close_timeout_s=self.deadline_s, max_backoff_s=2
        )
        async with telltale.AsyncClient(
            self.system.addresses.gateway_url,
            self.system.addresses.demo_api_key,
            limits=limits,
            on_drop=self.dropped.append,
            on_receipt=self._receipt,
        ) as client:
            run = uuid.uuid4().hex[:8]
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_all(client, run))
                for number in range(_WAITING_SESSIONS if self.waits_per_s else 0):
                    group.create_task(self._wait_for_verdicts(client.subject("session", f"wait-{run}-{number}")))

    async def _send_all(self, client: telltale.AsyncClient, run: str) -> None:
        sessions = [client.subject("session", f"load-{run}-{number}") for number in range(_SESSIONS)]
        started, sent = time.monotonic(), 0
        while not self._stopping.is_set():
            due = int((time.monotonic() - started) * self.batches_per_s)
            while sent < due:
                # What the client would refuse for want of room is not even made.
                if client.stats().buffered < _MOST_BUFFERED_EVENTS:
                    self._send(sessions[sent % _SESSIONS], sent)
                sent += 1
            await asyncio.sleep(0.02)

    async def _wait_for_verdicts(self, session: telltale.Subject) -> None:
        """Be a caller that waits for each verdict."""
        number = 0
        while not self._stopping.is_set():
            self._send(session, number)
            number += 1
            with contextlib.suppress(telltale.TelltaleError):  # the receipt, or the drop, tells what became of it
                verdict = await session.verdict(_WAIT_MS)
                if verdict is not None:
                    self.told[verdict.verdict_id] = verdict
            await asyncio.sleep(_WAITING_SESSIONS / self.waits_per_s)

    def _receipt(self, receipt: telltale.Receipt) -> None:
        self.acknowledged[receipt.batch_id] = receipt.events or 0

    @staticmethod
    def _send(session: telltale.Subject, number: int) -> None:
        if number % 11 == 0:
            session.add({"type": "device.fingerprint", "webdriver": number % 3 == 0})
        if number % 5 == 0:
            session.add({"type": "pointer.down", "x": number % 900, "y": 120, "trusted": number % 2 == 0})
        steps = [float(step) for step in range(_SAMPLES)]
        session.add_track(
            {
                "type": "pointer.move",
                "started_at": datetime.now(UTC),
                "t": [8 * step for step in steps],
                "x": [100 + step * (1 + number % 7) for step in steps],
                "y": [200 + (step * step + number) % 50 for step in steps],
            }
        )


@dataclass(frozen=True)
class Books:
    """What is in PostgreSQL of a load: batches (rows and distinct), verdicts (rows and distinct), and events."""

    batch_rows: int
    batches: int
    verdict_rows: int
    verdicts: int
    events: int


async def books(system: System, load: Load) -> Books:
    """Count the rows of a load's batches."""
    ids = list(load.acknowledged)
    [batches] = await system.rows(
        "SELECT count(*) AS rows, count(DISTINCT batch_id) AS ids, coalesce(sum(event_count), 0) AS events"
        " FROM batches WHERE batch_id = ANY($1)",
        ids,
    )
    [verdicts] = await system.rows(
        "SELECT count(*) AS rows, count(DISTINCT batch_id) AS ids FROM verdicts WHERE batch_id = ANY($1)", ids
    )
    return Books(batches["rows"], batches["ids"], verdicts["rows"], verdicts["ids"], batches["events"])


async def assert_books_balance(system: System, load: Load, timeout_s: float = 60) -> None:
    """Wait until all that was acknowledged is in PostgreSQL; then everything is there exactly once."""
    count, events = len(load.acknowledged), sum(load.acknowledged.values())
    assert count > 0
    assert load.dropped == []
    expected = Books(count, count, count, count, events)
    deadline = time.monotonic() + timeout_s
    while (found := await books(system, load)) != expected and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    assert found == expected
    unbalanced = await system.rows(
        "SELECT * FROM stream_offsets"
        " WHERE missing > 0 OR next_offset - first_offset <> persisted + duplicates + rejected"
    )
    assert unbalanced == []
    [letters] = await system.rows(
        "SELECT count(*) AS count FROM dead_letters WHERE batch_id = ANY($1)", list(load.acknowledged)
    )
    assert letters["count"] == 0
