"""Composition root of the gateway."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from services.gateway.answering import Receive, Scope, Send
from services.gateway.api import Checks, create_api
from services.gateway.body import ReceivingBytes
from services.gateway.errors import send_problem
from services.gateway.handover import Handover
from services.gateway.ingest import Ingest
from services.gateway.kafka import KafkaLimits, KafkaPublisher
from services.gateway.ports import Publisher, ReceiptStore, Replies, SessionStore
from services.gateway.receipts import PostgresReceipts
from services.gateway.recent import RecentBatches
from services.gateway.replies import RedisReplies
from services.gateway.sessions.api import SessionApi
from services.gateway.sessions.aside import Aside
from services.gateway.sessions.handlers import Handlers
from services.gateway.sessions.lifetimes import Lifetimes, Thresholds
from services.gateway.sessions.postgres import PostgresSessions
from services.gateway.settings import GatewaySettings
from shared.kafka_connections import mend_connections
from shared.problems import INTERNAL, Problem
from shared.tenancy import KeyRing, LoadKeys
from shared.tracing import child_of, trace_id_of

_log = logging.getLogger(__name__)
INGEST_PATH = "/v1/events"
_PREFLIGHT_S = 7_200  # the longest that browsers keep


@dataclass(frozen=True, slots=True)
class Adapters:
    """The gateway's outside world; tests give the in-memory ones."""

    publisher: Publisher
    replies: Replies
    store: ReceiptStore
    sessions: SessionStore
    load_keys: LoadKeys
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def real_adapters(settings: GatewaySettings) -> Adapters:
    """Make the adapters to Kafka, Redis and PostgreSQL; call it inside the event loop."""
    mend_connections()
    store = PostgresReceipts(settings.postgres_dsn.get_secret_value(), settings.postgres_pool_size)
    replies = RedisReplies(settings.redis_url.get_secret_value(), secrets.token_hex(8), settings.max_waiting)
    return Adapters(
        publisher=KafkaPublisher(KafkaLimits.of(settings)),
        replies=replies,
        store=store,
        sessions=PostgresSessions(settings.postgres_dsn.get_secret_value(), settings.postgres_pool_size),
        load_keys=store.load_keys,
    )


class GatewayApp:
    """The ASGI app: the hot route and the session API by themselves, the API for all else.

    Parameters
    ----------
    ingest, sessions, api
        The three.
    keys
        Whose an API key is.
    """

    def __init__(self, ingest: Ingest, sessions: SessionApi, api: FastAPI, keys: KeyRing) -> None:
        self.ingest = ingest
        self.sessions = sessions
        self.api = api
        self.keys = keys
        # Any origin: there are no cookies to abuse, and which pages may use a key is told by the key.
        self._sessions_for_pages = CORSMiddleware(
            sessions,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "content-encoding", "idempotency-key", "traceparent"],
            expose_headers=["retry-after"],
            max_age=_PREFLIGHT_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] == INGEST_PATH:
            await self.ingest(scope, receive, send)
        elif scope["type"] == "http" and self.sessions.route_of(scope["path"]) is not None:
            await self._sessions_for_pages(scope, receive, send)
        elif scope["type"] == "http":
            await self._guarded(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a problem whatever happens; the API's own handler has logged and answered most."""
        started = False

        async def noting(message: Scope) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.api(scope, receive, noting)
        except Exception:
            if not started:
                trace_id = trace_id_of(child_of(None))
                _log.exception("request failed", extra={"trace_id": trace_id})
                await send_problem(Problem(INTERNAL), trace_id, send, None)


def create_app(settings: GatewaySettings, adapters: Adapters) -> GatewayApp:
    """Put the gateway together. It starts whether or not its servers are there, and finds them by itself."""
    keys = KeyRing(adapters.load_keys)
    recent = RecentBatches(settings.recent_batches)
    aside = Aside()

    def checks() -> Checks:
        return Checks(
            required={"api_keys": keys.loaded, "broker": adapters.publisher.ready},
            optional={"redis": adapters.replies.ready, "postgresql": adapters.store.ready},
        )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await adapters.store.start()
        await adapters.sessions.start()
        await adapters.publisher.start()
        await adapters.replies.start()
        refresher = asyncio.create_task(keys.keep_fresh(), name="api-keys")
        try:
            yield
        finally:  # the server has finished its requests; close in reverse
            refresher.cancel()
            await asyncio.wait([refresher])
            await adapters.replies.stop()
            await adapters.publisher.stop()
            await aside.stop()
            await adapters.sessions.stop()
            await adapters.store.stop()

    api = create_api(keys, adapters.replies, adapters.store, recent, checks, lifespan)
    handover = Handover(adapters.publisher, adapters.replies, recent)
    receiving = ReceivingBytes(settings.max_receiving_bytes)
    ingest = Ingest(settings, keys, handover, receiving, adapters.now)
    handlers = Handlers(
        handover,
        Lifetimes(adapters.sessions, adapters.replies, aside),
        Thresholds(adapters.sessions, aside),
        adapters.replies,
        adapters.store,
        settings.session_wait_ms / 1000,
        settings.debug_payloads,
    )
    sessions = SessionApi(settings, keys, handlers, receiving, adapters.now)
    return GatewayApp(ingest, sessions, api, keys)
