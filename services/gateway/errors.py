"""How the gateway answers with problems (RFC 9457), and the problems only it has."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from shared.problems import METHOD_NOT_ALLOWED, Problem, ProblemKind

BODY_TIMEOUT: Final = ProblemKind(
    "body_timeout", 408, "Body not received in time", "Send the same batch again over a faster connection."
)
BAD_REQUEST: Final = ProblemKind("bad_request", 400, "Not an HTTP request", "Send HTTP/1.1 as RFC 9112 has it.")
HEADERS_TIMEOUT: Final = ProblemKind(
    "headers_timeout", 408, "Headers not received in time", "Connect again and send the request at once."
)
HEADERS_TOO_LARGE: Final = ProblemKind(
    "headers_too_large", 431, "Request headers too large", "Send fewer or shorter headers."
)
_LINGER_S: Final = 1.0
_LINGER_BYTES: Final = 8_388_608


def problem_body(problem: Problem, trace_id: str) -> bytes:
    """Write a problem as JSON, with the id under which our logs speak of the request."""
    return msgspec.json.encode(problem.document() | {"trace_id": trace_id})


def trace_id_of(traceparent: str) -> str:
    """Give the trace id within a traceparent."""
    return traceparent[3:35]


async def send_problem(
    problem: Problem,
    trace_id: str,
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    unread: Callable[[], Awaitable[MutableMapping[str, Any]]] | None,
) -> None:
    """Answer with a problem.

    Parameters
    ----------
    problem, trace_id
        What to say.
    send
        ASGI's send.
    unread
        ASGI's receive when the client has more to send; then the connection ends with this answer.
    """
    body = problem_body(problem, trace_id)
    headers = [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    headers.append((b"content-length", b"%d" % len(body)))
    if problem.kind is METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))  # only the hot route answers through here
    if unread is not None:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": unread is not None})
    if unread is not None:
        await _linger(unread)
        await send({"type": "http.response.body", "body": b""})


async def _linger(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """Read on for a moment: closing while the client still sends would make it lose the answer."""
    left = _LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
