"""Insights on the real broker and database, as it runs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from deploy.local.host import free_ports
from deploy.local.servers_for_tests import Servers
from deploy.local.settings import CHECKOUT
from services.insights.app import create_app
from services.insights.books import Outcomes
from services.insights.settings import InsightsSettings
from shared.topics import Domain, events_topic
from tests.integration.conftest import FreshTopics, Tenant
from tests.integration.insights.rows import Rows

_WAIT_S = 30.0
BEHAVIOR = events_topic(Domain.BEHAVIOR)


class Relay:
    """A port that leads to PostgreSQL while it is open."""

    def __init__(self, dsn: str) -> None:
        (self.port,) = free_ports(1)
        address = urlsplit(dsn)
        self._to = (address.hostname, address.port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def dsn(self, dsn: str) -> str:
        """Lead an address through this port."""
        address = urlsplit(dsn)
        return dsn.replace(f"{address.hostname}:{address.port}", f"127.0.0.1:{self.port}")

    async def open(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            if await check():
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def insights(settings: InsightsSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://i") as client:
        yield client


def status_is(client: httpx.AsyncClient, path: str, status: int, **headers: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return (await client.get(path, headers=headers)).status_code == status

    return check


def metrics_have(client: httpx.AsyncClient, line: str, *, present: bool = True) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return (f"\n{line}" in (await client.get("/metrics")).text) == present

    return check


@pytest.fixture
async def rows(servers: Servers) -> AsyncIterator[Rows]:
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        yield Rows(owner)
    finally:
        await owner.close()


async def test_insights_starts_without_its_servers_and_recovers_by_itself(
    servers: Servers, fresh_topics: FreshTopics, tenant: Tenant, rows: Rows
) -> None:
    prefix = await fresh_topics()
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    await rows.batch(tenant.tenant_id, Domain.BEHAVIOR, now - timedelta(minutes=1), events=50)
    relay = Relay(servers.postgres_dsn_by_role["telltale_insights"])
    settings = InsightsSettings(
        kafka_bootstrap=servers.kafka_bootstrap,
        postgres_dsn=SecretStr(relay.dsn(servers.postgres_dsn_by_role["telltale_insights"])),
        monitor_dsn=SecretStr(relay.dsn(servers.postgres_dsn_by_role["telltale_monitor"])),
        topic_prefix=prefix,
    )
    key = {"authorization": f"Bearer {tenant.api_key}"}
    up = 'telltale_insights_source_up{source="postgres"} '
    accepted = f'telltale_delivery_accepted_records{{topic="{prefix}{BEHAVIOR}"}} '
    async with insights(settings) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/v1/kpis", headers=key)).status_code == 503
        await until(metrics_have(client, f"{up}0.0"))
        assert not await metrics_have(client, accepted)()

        await relay.open()
        await until(status_is(client, "/readyz", 200))
        answer = await client.get("/v1/kpis", headers=key)
        assert answer.json()["totals"]["events"] == 50
        await until(metrics_have(client, f"{accepted}0.0"))

        await relay.close()
        await until(status_is(client, "/v1/kpis", 503, **key))
        await until(metrics_have(client, accepted, present=False))
        assert await metrics_have(client, f"{up}0.0")()

        await relay.open()
        await until(status_is(client, "/v1/kpis", 200, **key))
        await until(metrics_have(client, f"{up}1.0"))
        await until(metrics_have(client, accepted))
        await relay.close()


async def test_the_books_of_broker_and_database_are_balanced_in_metrics(
    servers: Servers, fresh_topics: FreshTopics, rows: Rows
) -> None:
    prefix = await fresh_topics()
    topic = prefix + BEHAVIOR
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka_bootstrap) as producer:
        for _ in range(7):
            await producer.send_and_wait(topic, b"{}", partition=1)
    await rows.books(topic, 1, Outcomes(first_offset=0, next_offset=5, persisted=3, duplicates=1, rejected=1))
    settings = InsightsSettings(
        kafka_bootstrap=servers.kafka_bootstrap,
        postgres_dsn=SecretStr(servers.postgres_dsn_by_role["telltale_insights"]),
        monitor_dsn=SecretStr(servers.postgres_dsn_by_role["telltale_monitor"]),
        topic_prefix=prefix,
    )
    async with insights(settings) as client:
        await until(metrics_have(client, f'telltale_delivery_accepted_records{{topic="{topic}"}} 7.0'))
        shown = (await client.get("/metrics")).text
    for outcome, count in {"persisted": 3, "duplicate": 1, "rejected": 1}.items():
        assert f'telltale_delivery_outcome_records{{outcome="{outcome}",topic="{topic}"}} {count}.0' in shown
    assert f'telltale_delivery_unaccounted_records{{topic="{topic}"}} 0.0' in shown


async def test_without_a_broker_kpis_are_answered_and_the_books_are_absent(servers: Servers, tenant: Tenant) -> None:
    settings = InsightsSettings(
        kafka_bootstrap="127.0.0.1:1",  # nobody listens there
        postgres_dsn=SecretStr(servers.postgres_dsn_by_role["telltale_insights"]),
        monitor_dsn=SecretStr(servers.postgres_dsn_by_role["telltale_monitor"]),
    )
    async with insights(settings) as client:
        await until(metrics_have(client, 'telltale_insights_source_up{source="kafka"} 0.0'))
        assert await metrics_have(client, 'telltale_insights_source_up{source="postgres"} 1.0')()
        assert "telltale_delivery_accepted_records{" not in (await client.get("/metrics")).text
        await until(status_is(client, "/v1/kpis", 200, authorization=f"Bearer {tenant.api_key}"))


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_and_ends_cleanly_when_asked(servers: Servers, asked: signal.Signals) -> None:
    (port,) = free_ports(1)
    environment = os.environ | {
        "TELLTALE_HTTP_PORT": str(port),
        "TELLTALE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "TELLTALE_POSTGRES_DSN": servers.postgres_dsn_by_role["telltale_insights"],
        "TELLTALE_MONITOR_DSN": servers.postgres_dsn_by_role["telltale_monitor"],
    }
    command = [sys.executable, "-m", "services.insights"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        transport = httpx.HTTPTransport(retries=0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=5) as client:
            asyncio.run(until(lambda: _answers(client)))
            assert "process_cpu_seconds_total" in client.get("/metrics").text
        process.send_signal(asked)
        _, log = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    # Uvicorn raises the signal again once it has stopped, so that whoever asked sees it was heeded.
    assert process.returncode in (0, -asked), log
    assert "Traceback" not in log
    assert "Application shutdown complete" in log
    for dsn in (environment["TELLTALE_POSTGRES_DSN"], environment["TELLTALE_MONITOR_DSN"]):
        password = urlsplit(dsn).password
        assert password is not None
        assert password not in log


async def _answers(client: httpx.Client) -> bool:
    try:
        return (await asyncio.to_thread(client.get, "/readyz")).status_code == 200
    except httpx.TransportError:
        return False
