"""One request, one answer, sorted by what to do about it."""

import asyncio
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from telltale._errors import Refused, Unauthenticated
from telltale._models import Problem
from telltale._wire import decode_problem, parse_retry_after

VERSION: Final = "0.2.0"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}\Z")
_TRY_AGAIN_4XX: Final = frozenset({408, 425, 429})
# The server says of these that it did not take the request; after any other 5xx it may have.
_NOT_TAKEN: Final = frozenset({"too_many_in_flight", "too_many_connections", "auth_unavailable"})
# Failed before a byte of the request was out.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Of a try's time, for each of: a free connection, TCP, TLS. Together less than the whole, or nobody could tell that
# nothing was sent.
_CONNECT_SHARE: Final = 0.3
_MAX_PORT: Final = 65_535


class TryAgain(Exception):
    """The request failed in a way that may pass.

    Parameters
    ----------
    why
        One sentence.
    uncertain
        Whether the server may have taken the request all the same.
    retry_after_s
        How long the server wants to be left alone.
    """

    def __init__(self, why: str, *, uncertain: bool, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.uncertain = uncertain
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Http:
    """Sends requests to one server with one key.

    Parameters
    ----------
    client
        The connection pool, with base address and key.
    gzip_above_bytes
        Larger bodies are compressed.
    timeout_s
        Longest time one request may take.
    utc_now
        The wall clock.
    """

    client: httpx.AsyncClient
    gzip_above_bytes: int
    timeout_s: float
    utc_now: Callable[[], datetime]

    async def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None, extra_timeout_s: float = 0.0
    ) -> bytes:
        """Send a request, JSON when it has a body, and give the answer's body.

        Raises
        ------
        TryAgain, Refused, Unauthenticated
        """
        timeout_s = self.timeout_s + extra_timeout_s
        connect_s = self.timeout_s * _CONNECT_SHARE
        if body is not None:
            headers = {"content-type": "application/json", **headers}
            if len(body) > self.gzip_above_bytes:
                body = await asyncio.to_thread(gzip.compress, body, 3)
                headers["content-encoding"] = "gzip"
        try:
            # httpx bounds each read and write; this bounds the whole, against an answer that trickles.
            async with asyncio.timeout(timeout_s):
                timeouts = httpx.Timeout(timeout_s, connect=connect_s, pool=connect_s)
                response = await self.client.request(method, path, content=body, headers=headers, timeout=timeouts)
        except _NOT_SENT as error:
            raise TryAgain(f"no connection: {type(error).__name__}", uncertain=False) from error
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise TryAgain(f"no answer: {type(error).__name__}", uncertain=True) from error
        if response.is_success:
            return response.content
        raise self._failure(response)

    def _failure(self, response: httpx.Response) -> Exception:
        status = response.status_code
        problem = decode_problem(status, response.content)
        if status >= 500 or status in _TRY_AGAIN_4XX:
            return TryAgain(
                f"answer {status} {problem.code}".rstrip(),
                uncertain=status >= 500 and problem.code not in _NOT_TAKEN,
                retry_after_s=parse_retry_after(response.headers.get("retry-after"), self.utc_now()),
            )
        return refusal(problem)


def refusal(problem: Problem) -> Refused:
    """Make the error that says what the caller can do."""
    return Unauthenticated(problem) if problem.status in {401, 403} else Refused(problem)


def connect(url: str, api_key: str, max_requests: int, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Make the connection pool.

    Raises
    ------
    ValueError
        The address or the key cannot be right. The message never holds the key.
    """
    address = _address_of(url)
    if address is None:
        raise ValueError("url must be http(s)://host[:port][/path], without credentials or query")
    if not _KEY.match(api_key):
        raise ValueError("api_key must be printable ASCII without spaces")
    return httpx.AsyncClient(
        base_url=address,
        headers={"authorization": f"Bearer {api_key}", "user-agent": f"telltale-python/{VERSION}"},
        limits=httpx.Limits(max_connections=max_requests + 2, max_keepalive_connections=max_requests + 2),
        transport=transport,
    )


def _address_of(url: str) -> httpx.URL | None:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    if address.scheme not in {"http", "https"} or not address.host or address.userinfo or address.query:
        return None
    return address if (address.port or 0) <= _MAX_PORT else None
