"""Ten thousand clients at once, on a gateway process of its own: served, and bounded in memory."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.http_bodies import Shape
from benchmarks.http_load import Load, Plan, raise_file_limit
from deploy.local.servers_for_tests import Servers
from services.gateway.settings import GatewaySettings
from tests.integration.gateway.kit import gateway_settings, key_of, process_of, until_listening
from tests.integration.gateway.proxy import proxied

FreshTopics = Callable[..., Awaitable[str]]
CLIENTS = 10_000
CLIENT_BYTES = 20_000  # most that a connection and its request under way may weigh
OBJECTS_RATE = 1_000.0
PATIENT_S = 300.0  # clients connect long before they first send


@asynccontextmanager
async def crowd(
    limits: GatewaySettings, port: int, log: Path, shape: Shape, key: str, rate: float | None = None
) -> AsyncIterator["Crowd"]:
    """A gateway process and a load on it from every client."""
    raise_file_limit()
    with log.open("wb") as stderr:
        async with process_of(limits, port, stderr) as process:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                await until_listening(client)
            plan = Plan(
                url=f"http://127.0.0.1:{port}", api_key=key, shape=shape, connections=CLIENTS, seconds=600, rate=rate
            )
            yield Crowd(process, Load(plan))


class Crowd:
    """What goes on and how much memory the gateway had at most, beyond what it had at first."""

    def __init__(self, process: asyncio.subprocess.Process, load: Load) -> None:
        self.process = process
        self.load = load
        self.grown_bytes = 0
        self._seen = psutil.Process(process.pid)
        self._rss_at_first = self._seen.memory_info().rss

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert self.process.returncode is None
            self.grown_bytes = max(self.grown_bytes, self._seen.memory_info().rss - self._rss_at_first)
            await asyncio.sleep(0.05)


async def records_on(limits: GatewaySettings) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=limits.kafka_bootstrap)
    await consumer.start()
    try:
        places = [TopicPartition(f"{limits.topic_prefix}events.behavior.v1", index) for index in range(4)]
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()


@pytest.mark.timeout(300)
async def test_ten_thousand_clients_with_tiny_batches(
    servers: Servers, fresh_topics: FreshTopics, unused_tcp_port: int, tmp_path: Path
) -> None:
    limits = gateway_settings(servers, await fresh_topics(), header_timeout_s=PATIENT_S)
    key = await key_of(servers, f"crowd-{uuid.uuid4().hex[:8]}")
    async with crowd(limits, unused_tcp_port, tmp_path / "log", Shape(kind="tiny"), key) as found:
        running = asyncio.create_task(found.load.run())
        await found.until(lambda: sum(found.load.statuses.values()) >= CLIENTS)
        found.load.stop()
        figures = await running
        assert figures["statuses"] == {"202": figures["sent"]}
        assert (figures["unanswered"], figures["refused_connections"]) == (0, 0)
        assert await records_on(limits) == figures["sent"]
        assert 0 < found.grown_bytes < CLIENTS * CLIENT_BYTES


@pytest.mark.timeout(300)
async def test_ten_thousand_clients_and_a_broker_that_hangs(
    servers: Servers, fresh_topics: FreshTopics, unused_tcp_port: int, tmp_path: Path
) -> None:
    key = await key_of(servers, f"crowd-{uuid.uuid4().hex[:8]}")
    async with proxied(servers.kafka_bootstrap, rewrite=True) as kafka:
        limits = gateway_settings(
            servers, await fresh_topics(), kafka_bootstrap=f"127.0.0.1:{kafka.port}", header_timeout_s=PATIENT_S
        )
        async with crowd(limits, unused_tcp_port, tmp_path / "log", Shape(), key, OBJECTS_RATE) as found:
            load = found.load
            kafka.freeze()
            running = asyncio.create_task(load.run())
            await found.until(lambda: load.statuses[503] >= 500)
            kafka.thaw()
            before = load.statuses[202]
            await found.until(lambda: load.statuses[202] >= before + 500)
            load.stop()
            figures = await running
        direct = gateway_settings(servers, limits.topic_prefix)
        assert set(figures["statuses"]) <= {"202", "503"}
        assert figures["statuses"]["202"] <= await records_on(direct) <= figures["sent"]
        assert 0 < found.grown_bytes < CLIENTS * CLIENT_BYTES + 2 * limits.max_in_flight_bytes


async def test_at_its_file_limit_it_refuses_and_goes_on(
    servers: Servers, fresh_topics: FreshTopics, unused_tcp_port: int, tmp_path: Path
) -> None:
    limits = gateway_settings(servers, await fresh_topics())
    with (tmp_path / "log").open("wb") as stderr:
        async with process_of(limits, unused_tcp_port, stderr) as process:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as client:
                await until_listening(client)
                # As if the system had always allowed so few: clients may have what is left of them all the same.
                open_now = psutil.Process(process.pid).num_fds()
                psutil.Process(process.pid).rlimit(psutil.RLIMIT_NOFILE, (open_now + 8, open_now + 8))
                ends = []
                for _ in range(40):
                    with contextlib.suppress(OSError):
                        ends.append(await asyncio.open_connection("127.0.0.1", unused_tcp_port))
                for _, writer in ends:
                    writer.close()
                async with asyncio.timeout(20):
                    await until_listening(client)
                assert process.returncode is None
