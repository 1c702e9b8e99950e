"""The client: what is added leaves in batches, or its caller is told."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import httpx

from telltale._buffer import Batch, Buffer, Item, Key
from telltale._errors import Refused, Unavailable
from telltale._events import encode_event, encode_track
from telltale._http import Http, connect
from telltale._ledger import Ledger
from telltale._models import MAX_WAIT_MS, Domain, Limits, OnDrop, OnReceipt, Receipt, Stats, SubjectType, Verdict
from telltale._sender import Clocks, Sender
from telltale._wire import receipt_path, verdict_path

_SUBJECT_ID: Final = re.compile(r"[A-Za-z0-9._:@=+~-]{1,128}\Z")

_NOT_FOUND: Final = 404


class AsyncClient:
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
        Gives the W3C ``traceparent`` of each request, or None.
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
        traceparent: Callable[[], str | None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._clocks = clocks or Clocks(time.monotonic, _utc_now)
        self._http_client = connect(url, api_key, self._limits.max_requests, transport)
        self._buffer = Buffer(self._limits)
        self._ledger = Ledger(self._buffer, on_drop, on_receipt)
        http = Http(
            self._http_client, self._limits.gzip_above_bytes, self._limits.request_timeout_s, self._clocks.utc_now
        )
        self._sender = Sender(http, self._limits, self._clocks, self._ledger, traceparent)
        self._wake = asyncio.Event()
        self._released = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.max_requests)
        self._deliveries: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._http_client.base_url)!r}, {self.stats()})"

    async def __aenter__(self) -> Self:
        self._dispatcher = asyncio.create_task(self._dispatch(), name="telltale-dispatcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def subject(self, subject_type: SubjectType, subject_id: str, *, domain: Domain = "behavior") -> "Subject":
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
        self._must_be_open()
        return await self._sender.get(receipt_path(batch_id), Receipt)

    async def flush(self) -> None:
        """Send what waits and return once all that was added before is delivered or dropped."""
        self._buffer.seal_all()
        self._wake.set()
        waited_for = set(self._buffer.outstanding)
        while waited_for & self._buffer.outstanding:
            await self._released.wait()

    async def close(self) -> None:
        """Flush for at most ``limits.close_timeout_s``, then drop what is left. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
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
        self._ledger.report_refused()
        await self._http_client.aclose()

    def _add(self, key: Key, encode: Callable[[Mapping[str, Any], datetime], Item], fields: Mapping[str, Any]) -> bool:
        if self._dispatcher is None:
            raise RuntimeError("use the client as 'async with'")
        item = encode(fields, self._clocks.utc_now())
        due_before_s = self._buffer.due_s()
        taken = not self._closed and self._buffer.add(key, item, self._clocks.monotonic_s())
        self._ledger.added(item.event_count, taken)
        if self._buffer.due_s() != due_before_s:
            self._wake.set()
        return taken

    async def _verdict(self, key: Key, wait_ms: int) -> Verdict | None:
        self._must_be_open()
        batch = self._buffer.ask_verdict(key, wait_ms)
        if batch is None:
            return await self._latest_verdict(key)
        answer = self._ledger.answer_of(batch)
        self._wake.set()
        outcome = await asyncio.shield(answer)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome.verdict if outcome else None

    async def _latest_verdict(self, key: Key) -> Verdict | None:
        while self._buffer.is_under_way(key):
            await self._released.wait()
        try:
            return await self._sender.get(verdict_path(key), Verdict)
        except Refused as refused:
            if refused.problem.status == _NOT_FOUND:
                return None
            raise

    def _must_be_open(self) -> None:
        if self._dispatcher is None:
            raise RuntimeError("use the client as 'async with'")
        if self._closed:
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
            self._released.set()
            self._released = asyncio.Event()


class Subject:
    """One subject's events. Made by `AsyncClient.subject`; holds nothing of its own."""

    __slots__ = ("_client", "_key")

    def __init__(self, client: AsyncClient, key: Key) -> None:
        self._client = client
        self._key = key

    def __repr__(self) -> str:
        return f"Subject({self._key.subject_type}/{self._key.subject_id}, domain={self._key.domain!r})"

    def add(self, event: Mapping[str, Any]) -> bool:
        """Add one event; it leaves in the background. Never waits.

        Parameters
        ----------
        event
            ``type``, ``occurred_at`` (an aware datetime, now when absent), ``event_id`` if you have one, and the
            fields of that type.

        Returns
        -------
        bool
            False when the buffer is full or the client closed: the event was not taken.

        Raises
        ------
        ValueError
            It has no type, a time without zone, or is larger than a batch may be.
        TypeError
            It holds what JSON cannot.
        """
        return self._client._add(self._key, encode_event, event)

    def add_track(self, track: Mapping[str, Any]) -> bool:
        """Add many samples of one signal as columns; each sample counts as one event.

        Parameters
        ----------
        track
            ``type``, ``started_at``, ``t`` (milliseconds since then) and a column of the same length for each value.

        Returns
        -------
        bool
            As `add`.

        Raises
        ------
        ValueError
            As `add`; or the columns differ in length, are empty, or the domain has no tracks.
        TypeError
            As `add`.
        """
        if self._key.domain != "behavior":
            raise ValueError(f"the domain {self._key.domain!r} has no tracks")
        return self._client._add(self._key, encode_track, track)

    async def verdict(self, wait_ms: int = 1_000) -> Verdict | None:
        """Send what waits for this subject and give the verdict after it; its latest one when nothing waits.

        Parameters
        ----------
        wait_ms
            How long the server may wait for the verdict, at most 10,000.

        Returns
        -------
        Verdict or None
            None when no verdict came in time, or there is none yet; the events are delivered all the same. Asking
            again then gives the latest verdict.

        Raises
        ------
        ValueError
            ``wait_ms`` is out of range.
        Refused
            The server will not have these events.
        Unavailable
            They could not be delivered before the deadline, or the client was closed.
        """
        if not 0 < wait_ms <= MAX_WAIT_MS:
            raise ValueError(f"wait_ms is 1 to {MAX_WAIT_MS}")
        return await self._client._verdict(self._key, wait_ms)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _utc_now() -> datetime:
    return datetime.now(UTC)
