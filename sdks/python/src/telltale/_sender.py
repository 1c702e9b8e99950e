"""Deliver batches or give them up: retries with the same ids, refusals taken apart."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

import msgspec
import tenacity

from telltale._buffer import Batch
from telltale._errors import Refused, Unavailable
from telltale._http import Http, TryAgain
from telltale._models import DropReason, Limits, Receipt
from telltale._refusals import plan_after
from telltale._wire import EVENTS_PATH, decode_receipts, encode_request, read_answer

_Document = TypeVar("_Document")
_log: Final = logging.getLogger("telltale")
_FIRST_BACKOFF_S: Final = 0.2
_RETRY_AFTER_JITTER_S: Final = 0.5


class Report(Protocol):
    """Who is told how it went. Every batch, or every part of it, is reported once."""

    def delivered(self, batch: Batch, receipt: Receipt | None) -> None:
        """Hear that the server has it; the receipt is missing when the answer was broken."""

    def dropped(self, batches: Sequence[Batch], reason: DropReason, error: Exception) -> None:
        """Hear that it was given up."""

    def sent(self, *, again: bool) -> None:
        """Hear that a request goes out."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time as the client sees it; tests bring their own."""

    monotonic_s: Callable[[], float]
    utc_now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Retrying:
    """Tries until a deadline: exponential back-off with full jitter, and never before ``Retry-After``."""

    def __init__(self, limits: Limits, clocks: Clocks) -> None:
        self._clocks = clocks
        self._backoff = tenacity.wait_random_exponential(multiplier=_FIRST_BACKOFF_S, max=limits.max_backoff_s)
        self._jitter = tenacity.wait_random(0, _RETRY_AFTER_JITTER_S)

    async def __call__(self, attempt: Callable[[], Awaitable[bytes]], deadline_s: float) -> bytes:
        """Run `attempt` until it gives an answer; raises its last error."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(TryAgain),
            wait=self._pause_s,
            stop=lambda state: self._clocks.monotonic_s() + state.upcoming_sleep >= deadline_s,
            sleep=self._clocks.sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _pause_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, TryAgain) else 0.0
        # Not all clients may come back in the very second the server named.
        return asked_s + self._jitter(state) if asked_s else self._backoff(state)


class Sender:
    """Sends requests, one after another for what it is handed."""

    def __init__(self, http: Http, limits: Limits, clocks: Clocks, report: Report) -> None:
        self._http = http
        self._limits = limits
        self._clocks = clocks
        self._report = report
        self._retrying = Retrying(limits, clocks)

    async def deliver(self, batches: list[Batch]) -> None:
        """Send batches of different subjects in one request, and what becomes of them in more.

        Ends when each was reported, also when cancelled.
        """
        deadline_s = self._clocks.monotonic_s() + self._limits.deadline_s
        todo = deque([batches])
        while todo:
            current = todo.popleft()
            try:
                receipts = await self._post(current, deadline_s)
            except asyncio.CancelledError:
                for rest in (current, *todo):
                    self._give_up(rest, "closed", Unavailable("the client was closed"))
                raise
            except Refused as refused:
                plan = plan_after(current, refused.problem)
                if plan.drop:
                    self._give_up(plan.drop, "refused", refused)
                todo.extendleft(reversed(plan.resend))
            except TryAgain as error:
                self._give_up(current, "unavailable", Unavailable(str(error)))
            except Exception as error:  # a fault of ours, or of the caller's hook, must not lose batches in silence
                _log.exception("batches could not be sent")
                self._give_up(current, "unavailable", error)
            else:
                for batch in current:
                    self._report.delivered(batch, receipts.get(batch.batch_id))

    async def ask(
        self,
        method: str,
        path: str,
        kind: type[_Document],
        *,
        body: Callable[[], bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Document:
        """Ask for a document of one kind, with a body made for each try; the request must be one that may come twice.

        Raises
        ------
        Refused, Unauthenticated, Unavailable
        """

        async def attempt() -> bytes:
            return await self._http.ask(method, path, dict(headers or {}), body() if body else None)

        try:
            answer = await self._retrying(attempt, self._clocks.monotonic_s() + self._limits.deadline_s)
            return read_answer(msgspec.json.Decoder(kind), answer)
        except TryAgain as error:
            raise Unavailable(str(error)) from error
        except ValueError as error:
            raise Unavailable(f"the answer is no {kind.__name__.lower()}") from error

    async def _post(self, batches: list[Batch], deadline_s: float) -> dict[UUID, Receipt]:
        wait_ms = max(batch.wait_ms for batch in batches)
        path = f"{EVENTS_PATH}?wait_ms={wait_ms}" if wait_ms else EVENTS_PATH
        traceparent = next((batch.traceparent for batch in batches if batch.traceparent), None)
        headers = trace_headers(traceparent)
        tries = 0

        async def attempt() -> bytes:
            nonlocal tries
            self._report.sent(again=tries > 0)
            tries += 1
            before = [batch.uncertain for batch in batches]
            _set_uncertain(batches, [True] * len(batches))
            # The clock is read for each try, so that the server corrects by the right difference.
            body = encode_request(batches, self._clocks.utc_now())
            try:
                return await self._http.ask("POST", path, headers, body, wait_ms / 1_000)
            except TryAgain as error:
                if not error.uncertain:
                    _set_uncertain(batches, before)
                raise
            except Refused:
                _set_uncertain(batches, before)
                raise

        try:
            receipts = decode_receipts(await self._retrying(attempt, deadline_s))
        except ValueError:
            return {}  # 2xx is the server's promise, whatever the answer's body
        return {receipt.batch_id: receipt for receipt in receipts}

    def _give_up(self, batches: Sequence[Batch], reason: DropReason, error: Exception) -> None:
        sure = [batch for batch in batches if not batch.uncertain]
        unsure = [batch for batch in batches if batch.uncertain]
        if sure:
            self._report.dropped(sure, reason, error)
        if unsure:
            self._report.dropped(unsure, "unknown", error)


def trace_headers(traceparent: str | None) -> dict[str, str]:
    """Give the headers that carry a trace on."""
    return {"traceparent": traceparent} if traceparent else {}


def _set_uncertain(batches: Sequence[Batch], values: Sequence[bool]) -> None:
    for batch, value in zip(batches, values, strict=True):
        batch.uncertain = value
