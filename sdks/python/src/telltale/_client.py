"""The client: what is added leaves in batches, or its caller is told."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import httpx

from telltale._buffer import Batch, Buffer, Item, Key
from telltale._errors import Refused, Unavailable
from telltale._http import Http, connect
from telltale._ledger import Ledger
from telltale._models import Domain, Limits, OnDrop, OnReceipt, Receipt, Stats, SubjectType, Verdict
from telltale._sender import Clocks, Sender, trace_headers
from telltale._sessions import SessionCalls
from telltale._subject import Encode, Subject
from telltale._tracing import TraceHook, trace_hook
from telltale._wire import receipt_path, verdict_path

_SUBJECT_ID: Final = re.compile(r"[A-Za-z0-9._:@=+~-]{1,128}\Z")
_NOT_FOUND: Final = 404
_FIRST_LOOK_S: Final = 0.05
_LONGEST_LOOK_S: Final = 0.4

_Document = TypeVar("_Document")


class AsyncClient(SessionCalls):
    """Sends events to Telltale in the background. Use it as ``async with``, within one event loop.

    What was added is delivered at least once, under an id that makes the server count it once. What cannot be
    delivered is handed to `on_drop`, or logged as a warning when there is none.

    Parameters
    ----------
    url
        The gateway's address, e.g. ``https://telltale.example``.
    api_key
        Your key. It is never logged nor shown.
    limits
        When batches leave, how often they are tried, and how much may wait.
    on_drop
        Called with every `Dropped`, from the event loop: be quick.
    on_receipt
        Called with the `Receipt` of every batch the server took.
    traceparent
        Gives the W3C ``traceparent`` of the caller, or None: asked as a batch is opened and with every question.
        When not given, it is OpenTelemetry's current span, where ``opentelemetry-api`` is installed.
    transport
        Carries the requests instead of the network.

    Raises
    ------
    ValueError
        The address, the key or a limit cannot be right.

    Examples
    --------
    ::

        async with telltale.AsyncClient(url, api_key) as client:
            session = client.subject("session", "s-123")
            session.add({"type": "pointer.move", "x": 1, "y": 2})
            verdict = await session.verdict()
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        limits: Limits | None = None,
        on_drop: OnDrop | None = None,
        on_receipt: OnReceipt | None = None,
        traceparent: TraceHook | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._clocks = clocks or Clocks(time.monotonic, _utc_now)
        self._http_client = connect(url, api_key, self._limits.max_requests, transport)
        self._trace = trace_hook(traceparent)
        self._buffer = Buffer(self._limits, self._on_due, self._trace)
        self._ledger = Ledger(self._buffer, on_drop, on_receipt)
        http = Http(
            self._http_client, self._limits.gzip_above_bytes, self._limits.request_timeout_s, self._clocks.utc_now
        )
        self._sender = Sender(http, self._limits, self._clocks, self._ledger)
        self._wake = asyncio.Event()
        self._released = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.max_requests)
        self._deliveries: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._http_client.base_url)!r}, {self.stats()})"

    async def __aenter__(self) -> Self:
        self._dispatcher = asyncio.create_task(self._dispatch(), name="telltale-dispatcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def subject(self, subject_type: SubjectType, subject_id: str, *, domain: Domain = "behavior") -> Subject:
        """Name who or what the events are about. Costs nothing; make as many as you like.

        Raises
        ------
        ValueError
            The id is not 1 to 128 letters, digits or ``._:@=+~-``.
        """
        if not _SUBJECT_ID.match(subject_id):
            raise ValueError("a subject id is 1 to 128 letters, digits or ._:@=+~-")
        return Subject(self, Key(domain, subject_type, subject_id))

    def stats(self) -> Stats:
        """Give the counters."""
        return self._ledger.stats()

    async def receipt(self, batch_id: UUID | str) -> Receipt:
        """Ask how far a batch has come.

        Raises
        ------
        Refused
            The server knows no such batch (``problem.code`` is ``not_found``), or will not tell.
        Unavailable
            No answer before the deadline.
        """
        return await self._ask("GET", receipt_path(batch_id), Receipt)

    async def flush(self) -> None:
        """Send what waits and return once all that was added before is delivered or dropped."""
        waited_for = self._buffer.seal_all()
        while waited_for & self._buffer.outstanding:
            await self._released.wait()

    async def close(self) -> None:
        """Flush for at most ``limits.close_timeout_s``, then drop what is left. Safe to call twice."""
        if self._buffer.closed:
            return
        self._buffer.close()
        try:
            async with asyncio.timeout(self._limits.close_timeout_s):
                await self.flush()
        except TimeoutError:
            pass
        finally:
            await self._stop()

    async def _stop(self) -> None:
        # The dispatcher first: a delivery must have begun before it is cancelled, or its batches would go unreported.
        await _cancelled([self._dispatcher] if self._dispatcher else [])
        await _cancelled(list(self._deliveries))
        rest = self._buffer.take_rest()
        if rest:
            self._ledger.dropped(rest, "closed", Unavailable("the client was closed"))
            self._tell_released()
        self._ledger.report_refused()
        await self._http_client.aclose()

    def _add(self, key: Key, encode: Encode, fields: Mapping[str, Any]) -> bool:
        if self._dispatcher is None and not self._buffer.closed:
            raise RuntimeError("use the client as 'async with'")
        clocks = self._clocks
        return self._buffer.add(key, encode(fields, clocks.utc_now), clocks.monotonic_s())

    def _add_batch(self, key: Key, items: Sequence[Item], batch_id: UUID | None) -> bool:
        batch = Batch(key, self._clocks.monotonic_s())
        batch.batch_id = batch_id or batch.batch_id
        for item in items:
            batch.append(item)
        return self._buffer.add_batch(batch)

    def _on_due(self) -> None:
        self._wake.set()

    def _now(self) -> datetime:
        return self._clocks.utc_now()

    async def _ask(
        self,
        method: str,
        path: str,
        kind: type[_Document],
        body: Callable[[], bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Document:
        self._must_be_open()
        headers = {**(headers or {}), **trace_headers(self._trace())}
        return await self._sender.ask(method, path, kind, body=body, headers=headers)

    async def _verdict(self, key: Key, wait_ms: int) -> Verdict | None:
        self._must_be_open()
        batch = self._buffer.ask_verdict(key, wait_ms)
        if batch is None:
            left = self._buffer.under_way(key)
            return await (self._verdict_after(left, wait_ms) if left else self._latest_verdict(key))
        batch.traceparent = self._trace() or batch.traceparent
        self._wake.set()
        return (await self._receipt_of(batch)).verdict

    async def _receipt_of(self, batch: Batch) -> Receipt:
        outcome = await self._ledger.outcome_of(batch)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _verdict_after(self, batch: Batch, wait_ms: int) -> Verdict | None:
        """Wait for a batch that has left without the wish for a verdict, then look until its verdict is there."""
        receipt = await self._receipt_of(batch)
        if receipt.verdict is not None:
            return receipt.verdict
        clocks = self._clocks
        until_s, pause_s = clocks.monotonic_s() + wait_ms / 1_000, _FIRST_LOOK_S
        with self._ledger.watching(batch.key) as later_ids:
            while True:
                verdict = await self._latest_verdict(batch.key)
                if verdict is not None and verdict.batch_id in {receipt.batch_id, *later_ids}:
                    return verdict
                left_s = until_s - clocks.monotonic_s()
                if left_s <= 0:
                    return None
                await clocks.sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, _LONGEST_LOOK_S)

    async def _latest_verdict(self, key: Key) -> Verdict | None:
        try:
            return await self._ask("GET", verdict_path(key), Verdict)
        except Refused as refused:
            if refused.problem.status == _NOT_FOUND:
                return None
            raise

    def _must_be_open(self) -> None:
        if self._dispatcher is None:
            raise RuntimeError("use the client as 'async with'")
        if self._buffer.closed:
            raise Unavailable("the client was closed")

    async def _dispatch(self) -> None:
        """Hand what is due to a delivery, as many at once as there are slots."""
        while True:
            await self._slots.acquire()
            batches = await self._next_batches()
            task = asyncio.create_task(self._deliver(batches), name="telltale-delivery")
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def _next_batches(self) -> list[Batch]:
        while True:
            batches = self._buffer.take(self._clocks.monotonic_s())
            if batches:
                return batches
            self._ledger.report_refused()
            self._wake.clear()
            due_s = self._buffer.due_s()
            wait_s = None if due_s is None else max(0.0, due_s - self._clocks.monotonic_s())
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _deliver(self, batches: list[Batch]) -> None:
        try:
            await self._sender.deliver(batches)
        finally:
            for batch in batches:
                self._buffer.release(batch)
            self._slots.release()
            self._wake.set()
            self._tell_released()

    def _tell_released(self) -> None:
        self._released.set()
        self._released = asyncio.Event()


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _utc_now() -> datetime:
    return datetime.now(UTC)
