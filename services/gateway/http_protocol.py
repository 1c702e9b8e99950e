"""Uvicorn's HTTP protocol with limits it lacks: how large request headers may be, how long they may take."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.errors import BAD_REQUEST, HEADERS_TIMEOUT, HEADERS_TOO_LARGE, problem_body, trace_id_of
from shared.problems import Problem, ProblemKind
from shared.tracing import child_of


def limited_protocol(max_header_bytes: int, header_timeout_s: float) -> type[HttpToolsProtocol]:
    """Make the protocol class for uvicorn.

    Parameters
    ----------
    max_header_bytes
        Largest request line and headers together.
    header_timeout_s
        Longest time from a request's first byte, or the connection's opening, to the end of its headers.
    """

    class LimitedProtocol(HttpToolsProtocol):
        _head_bytes = 0
        _in_head = False
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._begin_wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_wait()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            # A single endless header reaches no callback, so count what was fed while in the head.
            if self._in_head and not self.transport.is_closing():
                self._head_bytes += len(data)
                if self._head_bytes > max_header_bytes:
                    self._refuse(HEADERS_TOO_LARGE)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head, self._head_bytes, self._seen_bytes = True, 0, 0
            if self._deadline is None:
                self._begin_wait()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._see(len(url))

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self._see(len(name) + len(value) + 4)

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._end_wait()
            if self.transport.is_closing():
                return
            if self._seen_bytes > max_header_bytes:
                self._refuse(HEADERS_TOO_LARGE)
            else:
                super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            if not self.transport.is_closing():
                super().on_body(body)

        def on_message_complete(self) -> None:
            if not self.transport.is_closing():
                super().on_message_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(BAD_REQUEST)

        def _see(self, count: int) -> None:
            self._seen_bytes += count

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
            problem = Problem(kind)
            body = problem_body(problem, trace_id_of(child_of(None)))
            lines = [f"HTTP/1.1 {kind.status} {kind.title}"]
            lines += [f"{name}: {value}" for name, value in problem.headers().items()]
            lines += [f"content-length: {len(body)}", "connection: close", "", ""]
            self.transport.write("\r\n".join(lines).encode("latin-1") + body)
            self.transport.close()

    return LimitedProtocol
