"""A slow database, then a slow broker: back-pressure reaches the client, memory is bounded, nothing is lost."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local import probes
from deploy.local.host import free_ports
from deploy.local.parts import inherited_environment
from deploy.local.settings import CHECKOUT, HOST
from deploy.provision.topics import ensure_topics
from shared.topics import DEFAULT_PARTITIONS, TOPICS
from tests.e2e.faults.callers import until_answered
from tests.e2e.faults.memory import bounded_processes
from tests.e2e.load import Load, assert_books_balance
from tests.e2e.system import System
from tests.integration.gateway.proxy import Proxy, proxied

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

PREFIX: Final = "slow."
NAMES: Final = ("gateway", "scorer", "persister")
# A client has at most one batch of each of its 40 sessions under way: what one has is enough.
MOST_IN_FLIGHT: Final = 30
# A request and its answer each wait; the load alone is about 100 kB a second.
DATABASE: Final = {"delay_s": 0.1, "bytes_per_s": 200_000}
BROKER: Final = {"delay_s": 0.4, "bytes_per_s": 50_000}
# Of 300 batches that were taken. What comes in a burst after a pause of this machine may be too much at once.
FEW_REFUSALS: Final = 30
REFUSED: Final = ("too_many_in_flight", "broker_unavailable")


@dataclass(frozen=True)
class Beyond:
    """Services of their own that reach the servers only through proxies."""

    system: System
    kafka: Proxy
    postgres: Proxy
    pids: dict[str, int]


@contextlib.asynccontextmanager
async def services(system: System) -> AsyncIterator[Beyond]:
    """Start a gateway, a scorer and a persister behind proxies, on topics of their own."""
    addresses = system.addresses
    await ensure_topics(addresses.kafka_bootstrap, TOPICS, partitions=DEFAULT_PARTITIONS, prefix=PREFIX)
    database = urlsplit(addresses.postgres_dsn_by_role["telltale_persister"])
    async with (
        proxied(addresses.kafka_bootstrap, rewrite=True) as kafka,
        proxied(f"{HOST}:{database.port}") as postgres,
    ):
        ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        changed = {
            "TELLTALE_KAFKA_BOOTSTRAP": f"{HOST}:{kafka.port}",
            "TELLTALE_TOPIC_PREFIX": PREFIX,
            "TELLTALE_MAX_IN_FLIGHT_BATCHES": str(MOST_IN_FLIGHT),
        }
        with contextlib.ExitStack() as stack:
            pids = {}
            for name in NAMES:
                part = next(part for part in system.stack.all_parts if part.name == name)
                environment = part.environment | changed | {"TELLTALE_HTTP_PORT": str(ports[name])}
                if dsn := environment.get("TELLTALE_POSTGRES_DSN"):
                    environment["TELLTALE_POSTGRES_DSN"] = dsn.replace(f":{database.port}/", f":{postgres.port}/")
                log = system.stack.settings.root / "logs" / f"slow-{name}.log"
                pids[name] = stack.enter_context(_running(part.command, environment, log))
            async with asyncio.timeout(60):
                for name in NAMES:
                    while not await _is_ready(ports[name]):
                        await asyncio.sleep(0.1)
            there = replace(addresses, gateway_url=f"http://{HOST}:{ports['gateway']}")
            yield Beyond(replace(system, addresses=there), kafka, postgres, pids)


async def test_slow_servers_hold_the_client_back_and_lose_nothing(system: System) -> None:
    async with services(system) as beyond, bounded_processes(lambda: beyond.pids):
        there = beyond.system
        async with Load(there, batches_per_s=50) as load, Load(there, batches_per_s=50) as other:
            await load.until_acknowledged(60)
            beyond.postgres.slow_down(**DATABASE)
            await load.until_acknowledged(300)  # a slow database slows nobody who sends
            await until_answered(there, 200)
            assert await refusals(there, "broker_unavailable") == 0
            assert await refusals(there) < FEW_REFUSALS
            beyond.kafka.slow_down(**BROKER)
            async with asyncio.timeout(60):
                while not await refusals(there):
                    await asyncio.sleep(0.2)
            await load.until_acknowledged(60)  # slowly, but it goes on
            beyond.kafka.speed_up()
            await load.until_acknowledged(200)
        for each in (load, other):
            await assert_books_balance(there, each, timeout_s=180)  # the database is still slow


async def refusals(system: System, *codes: str) -> float:
    """Count the requests answered 503 with one of these codes; without any, all for a slow broker."""
    async with system.gateway() as gateway:
        lines = (await gateway.get("/metrics")).text.splitlines()
    wanted = tuple(f'telltale_gateway_requests_total{{outcome="{code}"}}' for code in codes or REFUSED)
    return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))


@contextlib.contextmanager
def _running(command: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[int]:
    """Run a service; give its pid."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=inherited_environment() | environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _is_ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError, probes.NotReady):
        await probes.http_ready(f"http://{HOST}:{port}/readyz")
        return True
    return False
