"""``/api/sessions`` and ``/api/behavior/track``: bare ASGI, like the hot route, with the same pipeline underneath."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from services.gateway.answering import Answer, Receive, Request, Scope, Send
from services.gateway.body import Body, ReceivingBytes
from services.gateway.keys import authenticate, authenticate_page
from services.gateway.sessions.handlers import NO_SESSION, Caller, Handlers
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.problems import METHOD_NOT_ALLOWED, NOT_FOUND, Problem
from shared.tenancy import KeyRing
from shared.uuids import parse_uuid

_SESSION_ROUTE: Final = re.compile(r"/api/sessions/(?P<session>[^/]{1,64})(?P<part>/data|/status|)")
_TRACK_PATH: Final = "/api/behavior/track"
_requests: Final = cache(metrics.GATEWAY_SESSION_REQUESTS.labels)
_seconds: Final = cache(metrics.GATEWAY_SESSION_SECONDS.labels)
_Handler = Callable[[Request, Caller], Awaitable[Answer]]


class SessionApi:
    """The ASGI app of the session API.

    Parameters
    ----------
    settings
        Limits.
    keys
        Whose an API key is.
    handlers
        The operations.
    receiving
        Books of the bodies of all requests.
    now
        The clock, in UTC.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        keys: KeyRing,
        handlers: Handlers,
        receiving: ReceivingBytes,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._receiving = receiving
        self._now = now
        # By route: its name in metrics, its only method, and what it does.
        self._routes: Mapping[str, tuple[str, str, _Handler]] = {
            "/api/sessions": ("begin", "POST", handlers.begin),
            _TRACK_PATH: ("track", "POST", handlers.track),
            "/data": ("data", "POST", handlers.take),
            "/status": ("status", "GET", handlers.tell),
            "": ("close", "DELETE", handlers.close),
        }

    def route_of(self, path: str) -> tuple[str, str, _Handler] | None:
        """Give the route of a path, or None when it is not of this API."""
        if found := _SESSION_ROUTE.fullmatch(path):
            return self._routes[found["part"]]
        return self._routes.get(path) if path else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to a path of ours."""
        route = self.route_of(scope["path"])
        assert route is not None, "asked only for paths of ours"
        name, method, handle = route
        request = Request(
            scope, receive, Body(self._receiving, self._settings.max_body_bytes, self._settings.body_timeout_s)
        )

        async def answer(request: Request) -> Answer:
            if scope["method"] != method:
                raise Problem(METHOD_NOT_ALLOWED, f"this path takes {method}")
            return await handle(request, self._caller(request))

        outcome = await request.respond(answer, send, method.encode())
        _requests(name, outcome).inc()
        _seconds(name).observe(time.perf_counter() - request.started_s)

    def _caller(self, request: Request) -> Caller:
        path: str = request.scope["path"]
        authorization = request.headers.get(b"authorization")
        if path == _TRACK_PATH:  # it speaks of any user, which is not for everybody who reads a page
            return Caller(authenticate(authorization, self._keys), self._now())
        key = authenticate_page(authorization, request.headers.get(b"origin"), self._keys)
        return Caller(key.tenant_id, self._now(), _session_id(path), key.publishable)


def _session_id(path: str) -> UUID:
    found = _SESSION_ROUTE.fullmatch(path)
    if found is None:
        return NO_SESSION
    try:
        return parse_uuid(found["session"].encode())
    except ValueError:
        raise Problem(NOT_FOUND, "there is no such session: its id is no UUID") from None
