"""ASGI middleware that tells what your edge knows of a session's connection."""

import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final
from uuid import UUID

import msgspec

from telltale._client import AsyncClient
from telltale._sync import Client

_log: Final = logging.getLogger("telltale")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z")
_ASN: Final = re.compile(r"(?:AS)?(\d{1,10})\Z", re.IGNORECASE)
_MAX_ASN: Final = 2**32 - 1
_JA4: Final = re.compile(r"[A-Za-z0-9_./:+ ,;()=-]{1,256}\Z")
_HTTP_VERSIONS: Final = {"1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2", "3": "3", "3.0": "3"}
_NETWORK_TYPES: Final = frozenset({"residential", "mobile", "business", "datacenter", "vpn", "proxy", "tor"})
# A browser sends other headers for a page than for a script's request; more kinds than these tell nothing new.
_FACTS_PER_SESSION: Final = 8


class EdgeFacts:
    """Sends ``network.facts`` for each session that requests speak of, through a client of yours.

    A request names its session by a header or cookie that holds its id, a UUID. Facts are sent once for each session
    and process, and again when others are seen. The request itself goes on untouched, whatever becomes of them. No
    address and no header value leaves but those named below.

    Parameters
    ----------
    app
        Your ASGI app.
    client
        `AsyncClient` of the same event loop, or `Client`. It is yours to open and close.
    session_header, session_cookie
        Where a request names its session.
    ja4_header, country_header, asn_header, network_type_header
        Headers that your edge writes, and takes away when a client sends them: TLS fingerprint (JA4), country as two
        letters, number of the autonomous system, and what kind of network it is. Not named, not sent: a client could
        write them as well.
    behind_proxy
        Set it when something between the client and this app makes requests anew. HTTP version and order of headers
        are that one's then, so they are not sent.
    max_sessions
        How many sessions are remembered; the one longest unseen is forgotten first.

    Examples
    --------
    ::

        app = EdgeFacts(app, client, ja4_header="x-ja4", behind_proxy=True)
    """

    def __init__(
        self,
        app: App,
        client: AsyncClient | Client,
        *,
        session_header: str = "x-telltale-session",
        session_cookie: str = "telltale_session",
        ja4_header: str | None = None,
        country_header: str | None = None,
        asn_header: str | None = None,
        network_type_header: str | None = None,
        behind_proxy: bool = False,
        max_sessions: int = 10_000,
    ) -> None:
        self._app = app
        self._client = client
        self._session_header = session_header.lower().encode("ascii")
        self._session_cookie = session_cookie
        named = (
            ("ja4", ja4_header, _ja4),
            ("country", country_header, _country),
            ("asn", asn_header, _asn),
            ("network_type", network_type_header, _network_type),
        )
        self._readers = [(fact, header.lower().encode("ascii"), read) for fact, header, read in named if header]
        self._behind_proxy = behind_proxy
        self._max_sessions = max_sessions
        self._told: OrderedDict[str, set[bytes]] = OrderedDict()  # facts by session, the one longest unseen first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what it tells."""
        if scope["type"] == "http":
            try:
                self._note(scope)
            except Exception:
                _log.exception("network facts could not be sent")  # never the request's trouble
        await self._app(scope, receive, send)

    def _note(self, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        session_id = self._session_of(headers)
        if session_id is None:
            return
        facts = self._facts_of(scope, headers)
        digest = hashlib.sha256(msgspec.json.encode(facts)).digest()
        told = self._told.get(session_id, set())
        if session_id in self._told:
            self._told.move_to_end(session_id)
        if not facts or digest in told or len(told) >= _FACTS_PER_SESSION:
            return
        if self._client.subject("session", session_id).add({"type": "network.facts", **facts}):
            self._told[session_id] = told | {digest}
            if len(self._told) > self._max_sessions:
                self._told.popitem(last=False)

    def _session_of(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        found: str | None = None
        for name, value in headers:
            if name == self._session_header:
                found = value.decode("latin-1").strip()
                break
            if name == b"cookie" and found is None:
                found = _cookie(value.decode("latin-1"), self._session_cookie)
        return str(UUID(found)) if found is not None and _UUID.match(found) else None

    def _facts_of(self, scope: Mapping[str, Any], headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if not self._behind_proxy:
            facts["http_version"] = _HTTP_VERSIONS.get(scope.get("http_version", ""))
            names = b",".join(name.lower() for name, _ in headers)
            facts["header_order_sha256"] = hashlib.sha256(names).hexdigest()
        for fact, header, read in self._readers:
            values = [value for name, value in headers if name == header]
            # Of two, one is the client's: neither is believed.
            facts[fact] = read(values[0].decode("latin-1").strip()) if len(values) == 1 else None
        return {fact: value for fact, value in facts.items() if value is not None}


def _cookie(header: str, name: str) -> str | None:
    for pair in header.split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            return value.strip('"')
    return None


def _ja4(text: str) -> str | None:
    return text if _JA4.match(text) else None


def _country(text: str) -> str | None:
    return text.upper() if text.isascii() and _COUNTRY.match(text.upper()) else None


def _asn(text: str) -> int | None:
    found = _ASN.match(text)
    return int(found[1]) if found and int(found[1]) <= _MAX_ASN else None


def _network_type(text: str) -> str | None:
    return text.lower() if text.lower() in _NETWORK_TYPES else None
