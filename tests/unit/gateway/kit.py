"""What the gateway's tests share: a gateway over in-memory adapters, a key, batches, a real server."""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from pydantic_settings import SettingsConfigDict

from services.gateway.app import Adapters, GatewayApp, create_app
from services.gateway.memory import MemoryPublisher, MemoryReceiptStore, MemoryReplies, MemorySessionStore
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.api_keys import StoredKey, new_key
from shared.http_protocol import limited_protocol

TENANT, OTHER_TENANT = "acme", "globex"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def text_of(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def event(**fields: Any) -> dict[str, Any]:
    return {"type": "key.press", "occurred_at": text_of(NOW), "key_class": "letter"} | fields


def batch(events: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "batch_id": str(uuid.uuid4()),
        "domain": "behavior",
        "subject": {"type": "session", "id": "s-1"},
        "events": events if events is not None else [event()],
    } | fields


def at(start: datetime, **offset: float) -> str:
    return text_of(start + timedelta(**offset))


@dataclass
class Keys:
    """Active keys that a test can revoke or withhold."""

    text: str = ""
    other_text: str = ""
    active: dict[str, StoredKey] = field(default_factory=dict)
    available: bool = True

    def __post_init__(self) -> None:
        self.text, self.other_text = self.add(TENANT), self.add(OTHER_TENANT)

    def add(self, tenant_id: str, *origins: str) -> str:
        key = new_key(publishable=bool(origins))
        self.active[key.key_id] = StoredKey(tenant_id, key.secret_sha256, frozenset(origins) if origins else None)
        return key.text

    async def load(self) -> Mapping[str, StoredKey]:
        if not self.available:
            raise ConnectionRefusedError
        return dict(self.active)


@dataclass
class Gateway:
    """A running gateway and the fakes around it."""

    app: GatewayApp
    client: httpx.AsyncClient
    keys: Keys
    publisher: MemoryPublisher
    replies: MemoryReplies
    store: MemoryReceiptStore
    sessions: MemorySessionStore

    async def post(self, body: Any, *, query: str = "", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(f"/v1/events{query}", content=content, headers=self.headers(**headers))

    def headers(self, **more: str) -> dict[str, str]:
        basic = {"authorization": f"Bearer {self.keys.text}", "content-type": "application/json"}
        return basic | {name.replace("_", "-"): value for name, value in more.items()}


class Settings(GatewaySettings):
    """Settings that look at no environment."""

    model_config = SettingsConfigDict(env_file=None, env_prefix="NOT_SET_")


def settings(**changed: Any) -> GatewaySettings:
    return Settings(**changed)


@asynccontextmanager
async def running(keys: Keys | None = None, now: datetime = NOW, **changed: Any) -> AsyncIterator[Gateway]:
    """A gateway in memory, its lifespan open."""
    keys = keys or Keys()
    publisher, replies, store = MemoryPublisher(timeout_s=0.1), MemoryReplies(), MemoryReceiptStore()
    sessions = MemorySessionStore()
    app = create_app(settings(**changed), Adapters(publisher, replies, store, sessions, keys.load, lambda: now))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with (
        app.api.router.lifespan_context(app.api),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        if keys.available:
            await app.keys.refresh()
        yield Gateway(app, client, keys, publisher, replies, store, sessions)


@contextmanager
def listening_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(
    app: GatewayApp, limits: GatewaySettings | None = None, max_connections: int | None = None
) -> AsyncIterator[int]:
    """A gateway behind a real uvicorn, as ``__main__`` runs it; gives its port."""
    limits = limits or settings()
    config = uvicorn.Config(
        app,
        http=limited_protocol(
            limits.max_header_bytes,
            limits.header_timeout_s,
            max_connections,
            metrics.GATEWAY_REFUSED_CONNECTIONS.inc,
        ),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    with listening_socket() as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            async with asyncio.timeout(10):
                while not server.started:
                    assert not task.done()
                    await asyncio.sleep(0.01)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await task
