"""Problems (RFC 9457) where no framework answers."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from shared.problems import METHOD_NOT_ALLOWED, Problem

_LINGER_S: Final = 1.0
_LINGER_BYTES: Final = 8_388_608


async def send_problem(
    problem: Problem,
    trace_id: str,
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    unread: Callable[[], Awaitable[MutableMapping[str, Any]]] | None,
    allow: bytes = b"POST",
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
    allow
        Methods of the path, told with ``method_not_allowed``.
    """
    body = problem.body(trace_id)
    headers = [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    headers.append((b"content-length", b"%d" % len(body)))
    if problem.kind is METHOD_NOT_ALLOWED:
        headers.append((b"allow", allow))
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
