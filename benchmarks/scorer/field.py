"""Scorers and the raw loop on topics of their own, what they have done and what it cost."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.measuring import cpu_s, pin
from benchmarks.scorer.backlog import Input, write
from deploy.local.host import free_ports
from deploy.local.settings import CHECKOUT
from deploy.provision.topics import ensure_topics
from shared.topics import TOPICS, VERDICTS

LIGHT: Final = "benchmarks.scorer.worker"
REAL: Final = "services.scorer"
LIMIT: Final = "benchmarks.scorer.limit"
# The first part of a backlog goes into starting, joining the group and the first fetches.
_WARM_SHARE: Final = 0.1
_POLL_S: Final = 0.02
_TIMEOUT_S: Final = 300.0


class Addresses(Protocol):
    """Where the servers are."""

    @property
    def kafka_bootstrap(self) -> str:
        """Brokers."""

    @property
    def redis_url(self) -> str:
        """Redis."""


class Cost(NamedTuple):
    """What a run of batches cost."""

    cpu_us: float
    wall_us: float


@dataclass
class Process:
    """A running scorer."""

    popen: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    async def ready(self) -> None:
        """Wait until it says that it is."""
        async with asyncio.timeout(_TIMEOUT_S), httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                self.check()
                await asyncio.sleep(_POLL_S)

    def check(self) -> None:
        """Raise `RuntimeError` when it has ended."""
        if self.popen.poll() is not None:
            raise RuntimeError(f"a measured process ended: {self.log.read_text()[-2_000:]}")

    def kill(self) -> None:
        """End it the hard way."""
        self.popen.kill()
        self.popen.wait()


class Field:
    """One set of topics, the scorers on it, and a view of the verdicts."""

    def __init__(self, servers: Addresses, prefix: str, partitions: int, log: Path) -> None:
        self._servers = servers
        self.prefix = prefix
        self._partitions = partitions
        self._log = log
        self._processes: list[Process] = []
        self._consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka_bootstrap)

    async def write(self, inputs: Iterable[Input]) -> None:
        """Write inputs as a gateway does."""
        await write(self._servers.kafka_bootstrap, self.prefix, inputs, self._partitions)

    def start(self, module: str, core: int) -> Process:
        """Start a scorer on one core."""
        [port] = free_ports(1)
        settings = {
            "TELLTALE_KAFKA_BOOTSTRAP": self._servers.kafka_bootstrap,
            "TELLTALE_REDIS_URL": self._servers.redis_url,
            "TELLTALE_TOPIC_PREFIX": self.prefix,
            "TELLTALE_HTTP_PORT": str(port),
            "TELLTALE_SESSION_TIMEOUT_S": "6",
        }
        with self._log.open("ab") as log:
            popen = subprocess.Popen(
                [sys.executable, "-m", module], cwd=CHECKOUT, env=os.environ | settings, stdout=log, stderr=log
            )
        pin(popen.pid, core)
        process = Process(popen, port, self._log)
        self._processes.append(process)
        return process

    def forget(self, process: Process) -> None:
        """Take no interest in a process that was ended on purpose."""
        self._processes.remove(process)

    async def verdicts(self) -> int:
        """Count verdicts."""
        places = [TopicPartition(self.prefix + VERDICTS, number) for number in range(self._partitions)]
        return sum((await self._consumer.end_offsets(places)).values())

    async def scored(self, count: int) -> None:
        """Wait for so many verdicts."""
        async with asyncio.timeout(_TIMEOUT_S):
            while await self.verdicts() < count:
                for process in self._processes:
                    process.check()
                await asyncio.sleep(_POLL_S)

    async def cost(self, count: int, processes: list[Process], *, first: int = 0) -> Cost:
        """Watch until there are ``first`` verdicts and so many more; give what each cost once a tenth was there."""
        await self.scored(first + int(count * _WARM_SHARE))
        done, cpu, started_s = await self.verdicts(), _cpu_s(processes), time.perf_counter()
        await self.scored(first + count)
        batches = first + count - done
        wall_s, cpu = time.perf_counter() - started_s, _cpu_s(processes) - cpu
        return Cost(cpu / batches * 1e6, wall_s / batches * 1e6)

    async def __aenter__(self) -> "Field":
        await ensure_topics(self._servers.kafka_bootstrap, TOPICS, partitions=self._partitions, prefix=self.prefix)
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        await self._consumer.stop()


@asynccontextmanager
async def field_of(servers: Addresses, partitions: int = 4) -> AsyncIterator[Field]:
    """Give a field; end its scorers afterwards."""
    with tempfile.TemporaryDirectory() as place:
        async with Field(servers, f"b{uuid.uuid4().hex[:8]}.", partitions, Path(place) / "log") as field:
            yield field


def _cpu_s(processes: list[Process]) -> float:
    return sum(cpu_s(process.pid) for process in processes)
