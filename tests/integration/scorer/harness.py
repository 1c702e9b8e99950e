"""Scorer processes on real Kafka, and what they leave there."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from deploy.local.host import free_ports
from deploy.local.servers_for_tests import Servers
from services.scorer.stream.admission import Refused, Source, admit
from services.scorer.stream.watermark import STARTED_KEY, WATERMARK_KEY
from shared.contracts.verdict import Verdict
from shared.topics import DEFAULT_PARTITIONS, VERDICTS, Domain, events_topic, state_topic
from tests.unit.scorer.stream.counting import CountingJudge, CountState
from tests.unit.scorer.stream.inputs import Input

CHECKOUT = Path(__file__).resolve().parents[3]
EVENTS = events_topic(Domain.BEHAVIOR)
STATES = state_topic(Domain.BEHAVIOR)
GROUP = "scorer"


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 20.0) -> None:
    """Wait for a condition; fail when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.05)


@dataclass
class Process:
    """One running scorer."""

    popen: "subprocess.Popen[bytes]"
    port: int
    log: Path

    async def get(self, path: str) -> httpx.Response | None:
        """Ask an ops route; None while it does not listen."""
        try:
            async with httpx.AsyncClient(timeout=10.0) as client:
                return await client.get(f"http://127.0.0.1:{self.port}{path}")
        except httpx.TransportError:
            return None

    async def ready(self) -> bool:
        """Tell whether it says so itself."""
        assert self.popen.poll() is None, self.log.read_text()
        answer = await self.get("/readyz")
        return answer is not None and answer.status_code == 200

    async def ended(self, timeout_s: float) -> int:
        """Wait for its end and give the exit code."""

        async def over() -> bool:
            return self.popen.poll() is not None

        await until(over, timeout_s)
        assert self.popen.returncode is not None
        return self.popen.returncode

    def kill(self) -> None:
        """End it the hard way."""
        self.popen.kill()
        self.popen.wait()

    async def stop(self, timeout_s: float = 10.0) -> float:
        """Ask it to stop; give how long that took, in seconds."""
        started_s = time.monotonic()
        self.popen.send_signal(signal.SIGTERM)
        assert await self.ended(timeout_s) == 0, self.log.read_text()
        return time.monotonic() - started_s


@dataclass
class Field:
    """One set of topics, the scorers on it, and a view of its contents."""

    servers: Servers
    prefix: str
    place: Path
    processes: list[Process] = field(default_factory=list)

    def spawn(self, module: str = "tests.integration.scorer.worker", **environment: str) -> Process:
        """Start a scorer and return at once."""
        [port] = free_ports(1)
        settings = {
            "TELLTALE_KAFKA_BOOTSTRAP": self.servers.kafka_bootstrap,
            "TELLTALE_REDIS_URL": self.servers.redis_url,
            "TELLTALE_TOPIC_PREFIX": self.prefix,
            "TELLTALE_HTTP_PORT": str(port),
            "TELLTALE_SESSION_TIMEOUT_S": "6",
        }
        log = self.place / f"scorer-{len(self.processes)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=CHECKOUT,
                env=os.environ | settings | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        process = Process(popen, port, log)
        self.processes.append(process)
        return process

    async def start(self, **environment: str) -> Process:
        """Start a scorer and wait until it is ready."""
        process = self.spawn(**environment)
        await until(process.ready, 30.0)
        return process

    async def produce(self, inputs: Iterable[Input], topic: str = EVENTS) -> None:
        """Write inputs as a gateway does."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.servers.kafka_bootstrap, acks="all", enable_idempotence=True
        ) as producer:
            sent = [
                await producer.send(self.prefix + topic, value, key=key, headers=headers)
                for key, value, headers in inputs
            ]
            await asyncio.gather(*sent)

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Read a whole topic, partition by partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self.servers.kafka_bootstrap) as consumer:
            places = [TopicPartition(self.prefix + topic, number) for number in range(DEFAULT_PARTITIONS)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            found: dict[TopicPartition, list[ConsumerRecord]] = defaultdict(list)
            for place in places:
                while await consumer.position(place) < ends[place]:
                    for got, portion in (await consumer.getmany(timeout_ms=200)).items():
                        found[got] += portion
            return [record for place in places for record in found[place]]

    async def count(self, topic: str) -> int:
        """Count a topic's records, by its offsets."""
        async with AIOKafkaConsumer(bootstrap_servers=self.servers.kafka_bootstrap) as consumer:
            places = [TopicPartition(self.prefix + topic, number) for number in range(DEFAULT_PARTITIONS)]
            return sum((await consumer.end_offsets(places)).values())

    async def has(self, topic: str, count: int) -> bool:
        """Tell whether a topic has at least so many records."""
        return await self.count(topic) >= count

    async def verdicts(self) -> list[Verdict]:
        """Read every verdict."""
        return [msgspec.json.decode(record.value, type=Verdict) for record in await self.records(VERDICTS)]

    async def states(self) -> dict[bytes, CountState]:
        """Read every subject's last state from the log."""
        states: dict[bytes, CountState] = {}
        for record in await self.records(STATES):
            if record.key in (STARTED_KEY, WATERMARK_KEY):
                continue
            states.pop(record.key, None)
            if record.value is not None:
                states[record.key] = CountingJudge().decode(record.value)
        return states

    async def replayed_states(self) -> dict[bytes, CountState]:
        """Fold every input once, in order: what the states must be."""
        judge, states = CountingJudge(), dict[bytes, CountState]()
        for record in await self.records(EVENTS):
            try:
                _, item = admit(record, Source(Domain.BEHAVIOR, EVENTS, record.partition))
            except Refused:
                continue
            states[record.key] = judge.fold(states.get(record.key), item).state
        return states

    async def committed(self) -> dict[int, int]:
        """Give the group's committed offset by partition."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.servers.kafka_bootstrap, group_id=self.prefix + GROUP, enable_auto_commit=False
        ) as consumer:
            places = [TopicPartition(self.prefix + EVENTS, number) for number in range(DEFAULT_PARTITIONS)]
            return {place.partition: await consumer.committed(place) or 0 for place in places}

    async def all_committed(self) -> bool:
        """Tell whether the group is through with every input, and so has published every state."""
        return await self.committed() == await self.ends()

    async def ends(self, topic: str = EVENTS) -> dict[int, int]:
        """Give a topic's end offset by partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self.servers.kafka_bootstrap) as consumer:
            places = [TopicPartition(self.prefix + topic, number) for number in range(DEFAULT_PARTITIONS)]
            return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


@asynccontextmanager
async def field_of(servers: Servers, prefix: str, place: Path) -> AsyncIterator[Field]:
    """Give a field and end its scorers afterwards."""
    made = Field(servers, prefix, place)
    try:
        yield made
    finally:
        for process in made.processes:
            process.kill()
            # Pytest shows it when the test fails.
            sys.stdout.write(f"{process.log}\n{process.log.read_text()}")


@asynccontextmanager
async def supervised(field: Field, count: int, **environment: str) -> AsyncIterator[None]:
    """Keep so many scorers running."""

    async def keep() -> None:
        process = field.spawn(**environment)
        while True:
            await asyncio.sleep(0.2)
            if process.popen.poll() is not None:
                process = field.spawn(**environment)

    tasks = [asyncio.create_task(keep()) for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def doubled(verdicts: Sequence[Verdict]) -> int:
    """Count verdicts beyond the first of each id."""
    return len(verdicts) - len({verdict.verdict_id for verdict in verdicts})
