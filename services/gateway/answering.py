"""Answering a request without a framework: whatever happens leaves as an answer, errors as problems."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple

from services.gateway.body import Body, Disconnected
from services.gateway.errors import send_problem
from shared.problems import INTERNAL, Problem
from shared.tracing import child_of, trace_id_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)
_JSON_HEADER: Final = (b"content-type", b"application/json")


class Answer(NamedTuple):
    """What is sent, and what it is counted as."""

    status: int
    body: bytes
    outcome: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Request:
    """One request and its body, not yet read.

    Parameters
    ----------
    scope, receive
        ASGI's.
    body
        Reads within limits.
    """

    __slots__ = ("_receive", "body", "headers", "scope", "started_s", "traceparent", "waits")

    def __init__(self, scope: Scope, receive: Receive, body: Body) -> None:
        self.started_s = time.perf_counter()
        self.scope = scope
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        parent = self.headers.get(b"traceparent")
        self.traceparent = child_of(parent.decode("latin-1") if parent else None)
        self.body = body
        self.waits = False  # for a verdict; the handler tells
        self._receive = receive

    async def read(self) -> bytes:
        """Read the whole body; see `Body.read` for what is raised."""
        return await self.body.read(self.headers, self._receive)

    async def respond(self, handle: Callable[["Request"], Awaitable[Answer]], send: Send, allow: bytes) -> str:
        """Answer with what the handler gives or raises; name the outcome.

        Parameters
        ----------
        handle
            Gives the answer or raises a `Problem`.
        send
            ASGI's.
        allow
            Methods of the path, told with ``method_not_allowed``.
        """
        try:
            answer = await handle(self)
            length = (b"content-length", b"%d" % len(answer.body))
            headers = [_JSON_HEADER, length, *answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        except Problem as problem:
            unread = self._receive if not self.body.whole and self._has_body() else None
            await send_problem(problem, trace_id_of(self.traceparent), send, unread, allow)
            return problem.kind.code
        except Disconnected:
            return "disconnected"
        except Exception:
            _log.exception("request failed", extra={"trace_id": trace_id_of(self.traceparent)})
            await send_problem(Problem(INTERNAL), trace_id_of(self.traceparent), send, None, allow)
            return INTERNAL.code
        finally:
            self.body.release()
        return answer.outcome

    def _has_body(self) -> bool:
        return (
            self.scope["method"] == "POST" or b"content-length" in self.headers or b"transfer-encoding" in self.headers
        )
