"""A persister process on real servers, and what its tests ask the database."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaProducer

from deploy.local.servers_for_tests import Servers
from deploy.local.settings import CHECKOUT
from shared.topics import MAX_RECORD_BATCH_BYTES
from tests.unit.persister.records import Record

OUTCOMES = ("persisted", "duplicates", "rejected", "missing")


@dataclass(frozen=True)
class System:
    """One isolated system: topics under a prefix of its own, a tenant of its own, the shared database."""

    servers: Servers
    prefix: str
    producer: AIOKafkaProducer
    owner: "asyncpg.Connection[asyncpg.Record]"
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def publish(self, records: Sequence[Record]) -> None:
        """Put records on their topics and partitions; the broker gives the offsets."""
        acks = [
            await self.producer.send(
                self.prefix + record.topic,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
                timestamp_ms=record.timestamp,
            )
            for record in records
        ]
        await asyncio.gather(*acks)

    async def books(self) -> dict[str, int]:
        """Add up the books of this system's partitions."""
        row = await self.owner.fetchrow(
            "SELECT coalesce(sum(next_offset - first_offset), 0)::bigint AS moved,"
            + ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in OUTCOMES)
            + " FROM stream_offsets WHERE starts_with(topic, $1)",
            self.prefix,
        )
        assert row is not None
        return dict(row)

    async def until_moved(self, count: int, timeout_s: float = 20) -> dict[str, int]:
        """Wait until the books have moved past so many offsets, and give them."""
        async with asyncio.timeout(timeout_s):
            while True:
                books = await self.books()
                if books["moved"] >= count:
                    return books
                await asyncio.sleep(0.02)

    async def count(self, table: str, tenant_id: str) -> int:
        """Count a tenant's rows."""
        value: int = await self.owner.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant_id)
        return value

    def environment(self) -> dict[str, str]:
        """Give the environment of a persister process."""
        return os.environ | {
            "TELLTALE_KAFKA_BOOTSTRAP": self.servers.kafka_bootstrap,
            "TELLTALE_POSTGRES_DSN": self.servers.postgres_dsn_by_role["telltale_persister"],
            "TELLTALE_TOPIC_PREFIX": self.prefix,
            "TELLTALE_HTTP_PORT": "0",
        }

    async def start(self, changed: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
        """Start a persister process, with parts of its environment changed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.persister", cwd=CHECKOUT, env=self.environment() | dict(changed or {})
        )
        self.processes.append(process)
        return process

    @asynccontextmanager
    async def persister(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a persister process; it must leave in time when told to."""
        process = await self.start()
        try:
            yield process
        finally:
            await end(process, signal.SIGTERM)


async def end(process: asyncio.subprocess.Process, number: signal.Signals) -> int:
    """Send a signal, if it still runs, and wait; give the exit code."""
    if process.returncode is None:
        process.send_signal(number)
    return await asyncio.wait_for(process.wait(), timeout=12)


@asynccontextmanager
async def open_system(servers: Servers, prefix: str) -> AsyncIterator[System]:
    """Connect to the servers as a test needs it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.kafka_bootstrap, acks="all", max_request_size=MAX_RECORD_BATCH_BYTES,
        max_batch_size=262_144,
    )  # fmt: skip
    await producer.start()
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    system = System(servers, prefix, producer, owner)
    try:
        yield system
    finally:
        for process in system.processes:
            await end(process, signal.SIGKILL)
        await owner.close()
        await producer.stop()


class Line:
    """A TCP line to a server that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection and take no new one."""
        if self._server is not None:
            self._server.close()
        for writer in self._ends:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._ends |= {writer, far_writer}
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        self._ends -= {writer, far_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def cuttable(dsn: str) -> AsyncIterator[tuple[str, Line]]:
    """Give the address of a server through a line that can be cut."""
    parts = urlsplit(dsn)
    line = Line(parts.hostname or "127.0.0.1", parts.port or 5432)
    await line.mend()
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{line.port}"
    try:
        yield parts._replace(netloc=netloc).geturl(), line
    finally:
        line.cut()


def new_tenant() -> str:
    """Name a tenant no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}"
