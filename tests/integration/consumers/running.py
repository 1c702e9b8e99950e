"""Running examples, and what they have done."""

import asyncio
import json
import os
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from shared.topics import DEFAULT_PARTITIONS, VERDICTS
from tests.integration.consumers.languages import Command
from tests.integration.consumers.published import Action


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    """Wait for a condition; fail when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.05)


@dataclass
class Running:
    """One process. Its standard output is a pipe: when nobody reads, it can write about 64 KB and then waits."""

    popen: "subprocess.Popen[bytes]"
    log: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def read(self, count: int | None = None) -> None:
        """Read so many more lines of its output, or all until it ends."""
        assert self.popen.stdout is not None
        goal = None if count is None else len(self.lines) + count
        while len(self.lines) != goal:
            line = await asyncio.to_thread(self.popen.stdout.readline)
            if not line:
                assert goal is None, f"it ended\n{self.log.read_text()}"
                return
            self.lines.append(json.loads(line))

    def told(self) -> list[dict[str, Any]]:
        """Give what it has told so far of everything else; a library's own lines are left out."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def kill(self) -> None:
        """End it the hard way."""
        self.popen.kill()
        self.popen.wait()

    async def ended(self, timeout_s: float = 20.0) -> int:
        """Wait for its end and give the exit code."""
        return await asyncio.to_thread(self.popen.wait, timeout_s)


@dataclass
class Service:
    """A service of somebody's: its consumer, its group and its database."""

    command: Command
    bootstrap: str
    prefix: str
    place: Path
    group: str = "downstream"
    processes: list[Running] = field(default_factory=list)

    @property
    def topic(self) -> str:
        """Where it reads."""
        return self.prefix + VERDICTS

    @property
    def database(self) -> Path:
        """What it keeps."""
        return self.place / "actions.db"

    def start(self, bootstrap: str | None = None) -> Running:
        """Start a process of it."""
        settings = {
            "TELLTALE_KAFKA_BOOTSTRAP": bootstrap or self.bootstrap,
            "TELLTALE_TOPIC_PREFIX": self.prefix,
            "TELLTALE_CONSUMER_GROUP": self.group,
            "TELLTALE_ACTIONS_DB": str(self.database),
        }
        log = self.place / f"{self.group}-{len(self.processes)}.log"
        with log.open("wb") as errors:
            popen = subprocess.Popen(
                self.command, cwd=self.place, env=os.environ | settings, stdout=subprocess.PIPE, stderr=errors
            )
        running = Running(popen, log)
        self.processes.append(running)
        return running

    def actions(self) -> dict[str, Action] | None:
        """Give what it has done, by verdict id; None while nobody can tell."""
        try:
            with closing(sqlite3.connect(self.database, timeout=0)) as database:
                rows = database.execute("SELECT * FROM actions").fetchall()
        except sqlite3.OperationalError:  # no table yet, or a write is under way
            return None
        assert len(rows) == len({row[0] for row in rows})
        return {row[0]: Action(*row[1:]) for row in rows}

    async def committed(self) -> dict[int, int]:
        """Give its group's offset by partition."""
        client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await client.start()
        try:
            found = await client.list_consumer_group_offsets(self.prefix + self.group)
        finally:
            await client.close()
        offsets = {place.partition: one.offset for place, one in found.items() if place.topic == self.topic}
        return {partition: max(offsets.get(partition, 0), 0) for partition in range(DEFAULT_PARTITIONS)}

    async def readers(self) -> dict[str, int]:
        """Give how many partitions each member of its group has."""
        client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await client.start()
        try:
            [answer] = await client.describe_consumer_groups([self.prefix + self.group])
        finally:
            await client.close()
        [group] = answer.to_object()["groups"]
        # A member without partitions, as in the middle of a change, has no assignment or an empty one.
        return {
            member["member_id"]: sum(
                len(partitions)
                for _, partitions in ConsumerProtocolMemberAssignment.decode(member["member_assignment"]).assignment
            )
            for member in group["members"]
            if member["member_assignment"]
        }

    async def ends(self) -> dict[int, int]:
        """Give the topic's end by partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            places = [TopicPartition(self.topic, partition) for partition in range(DEFAULT_PARTITIONS)]
            return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


@contextmanager
def ended_afterwards(*services: Service) -> Iterator[None]:
    """End what still runs of them."""
    try:
        yield
    finally:
        for running in (one for service in services for one in service.processes):
            running.kill()
            assert running.popen.stdout is not None
            running.popen.stdout.close()
