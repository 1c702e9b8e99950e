"""Uvicorn's HTTP protocol with limits it lacks: on what is no body, on waiting for it, on requests sent ahead."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.problems import (
    BAD_REQUEST,
    HEADERS_TIMEOUT,
    HEADERS_TOO_LARGE,
    TOO_MANY_CONNECTIONS,
    Problem,
    ProblemKind,
)
from shared.tracing import child_of, trace_id_of

# Each costs kilobytes until its turn comes, and uvicorn reads on after every answer.
MAX_REQUESTS_AHEAD: Final = 64
_RETRY_AFTER_S: Final = {TOO_MANY_CONNECTIONS: 1}


class _Signal:
    """What uvicorn needs of `asyncio.Event`, for the one task that reads a body: a tenth of the memory."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        while not self._is_set:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class _Pipeline(list[Any]):
    """What uvicorn needs of `collections.deque`: nearly always empty, and then a tenth of the memory."""

    __slots__ = ()

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)


def limited_protocol(
    max_header_bytes: int = 16_384,
    header_timeout_s: float = 10.0,
    max_connections: int | None = None,
    on_refused: Callable[[], object] = lambda: None,
) -> type[HttpToolsProtocol]:
    """Make the protocol class for uvicorn.

    Parameters
    ----------
    max_header_bytes
        Largest request line and headers together, and most bytes in a row that are neither headers nor body.
    header_timeout_s
        Longest time from a request's first byte, or the connection's opening, to the end of its headers; and from
        its answer to its own end, where the answer came first.
    max_connections
        Most connections at once; a further one is answered with 503 and closed.
    on_refused
        Told of each of those.
    """

    class LimitedProtocol(HttpToolsProtocol):
        # Slots, as instances with over 30 attributes share no keys and weigh two kilobytes more each.
        __slots__ = ("_deadline", "_had_body", "_in_head", "_in_message", "_loose_bytes", "_seen_bytes")

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self._loose_bytes = 0  # fed since the last piece of body: a header, trailer or chunk head that does not end
            self._seen_bytes = 0  # of the head
            self._in_message = self._in_head = self._had_body = False
            self._deadline: asyncio.TimerHandle | None = None
            self.pipeline = _Pipeline()  # type: ignore[assignment]
            super().connection_made(transport)
            if max_connections is not None and len(self.connections) > max_connections:
                on_refused()
                self._refuse(TOO_MANY_CONNECTIONS)
            else:
                self._begin_wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_wait()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            self._had_body = False
            super().data_received(data)
            # Most heads come in one piece: only one that did not is worth a timer.
            if self._in_head and self._deadline is None and not self.transport.is_closing():
                self._begin_wait()
            # What does not end reaches no callback, so count what was fed.
            if self._in_message and not self._had_body and not self.transport.is_closing():
                self._loose_bytes += len(data)
                if self._loose_bytes > max_header_bytes:
                    self._refuse(HEADERS_TOO_LARGE)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_message = self._in_head = True
            self._loose_bytes = self._seen_bytes = 0

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._seen_bytes += len(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            if not self._in_head:
                return  # a trailer: uvicorn would add it to the headers of a request that is being answered
            super().on_header(name, value)
            self._seen_bytes += len(name) + len(value) + 4

        def on_headers_complete(self) -> None:
            if self.transport.is_closing():
                return
            if self._seen_bytes > max_header_bytes:
                self._refuse(HEADERS_TOO_LARGE)
            elif len(self.pipeline) >= MAX_REQUESTS_AHEAD:
                self.transport.close()
            else:
                super().on_headers_complete()
                self.cycle.message_event = _Signal()  # type: ignore[assignment]  # its task has not begun
            self._in_head, self._loose_bytes = False, 0
            if self._deadline is not None:
                self._end_wait()

        def on_body(self, body: bytes) -> None:
            self._had_body, self._loose_bytes = True, 0
            if not self.transport.is_closing():
                super().on_body(body)

        def on_message_complete(self) -> None:
            self._in_message = False
            if self._deadline is not None:
                self._end_wait()
            if not self.transport.is_closing():
                super().on_message_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self._in_message and self.cycle.response_complete and self._deadline is None:
                # Its rest is read only to find where the next request begins; nobody else limits that.
                self._deadline = self.loop.call_later(header_timeout_s, self.transport.close)
            elif not self._in_message and self.cycle.response_complete:
                # An idle connection need not keep its last request; thousands of them would be felt.
                self.scope = self.headers = None  # type: ignore[assignment]
                self.cycle.scope = None  # type: ignore[assignment]

        def send_400_response(self, msg: str) -> None:
            self._refuse(BAD_REQUEST)

        def _begin_wait(self) -> None:
            self._deadline = self.loop.call_later(header_timeout_s, self._refuse, HEADERS_TIMEOUT)

        def _end_wait(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _refuse(self, kind: ProblemKind) -> None:
            self._end_wait()
            if self.transport.is_closing():
                return
            if self._in_message and not self._in_head and self.cycle.response_started:
                self.transport.close()  # it has its answer
                return
            problem = Problem(kind, retry_after_s=_RETRY_AFTER_S.get(kind))
            body = problem.body(trace_id_of(child_of(None)))
            lines = [f"HTTP/1.1 {kind.status} {kind.title}"]
            lines += [f"{name}: {value}" for name, value in problem.headers().items()]
            lines += [f"content-length: {len(body)}", "connection: close", "", ""]
            self.transport.write("\r\n".join(lines).encode("latin-1") + body)
            self.transport.close()

    return LimitedProtocol
