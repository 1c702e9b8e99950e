"""An operator's commands on real servers, and what they find there."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from click.testing import CliRunner

from deploy.local.servers_for_tests import Servers
from deploy.local.settings import CHECKOUT
from deploy.operate.cli import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object of the last line."""
        document: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return document


def environment(servers: Servers, prefix: str, home: str) -> dict[str, str]:
    """Give what the commands need to know; nothing of the checkout's own system."""
    dsn = urlsplit(servers.postgres_dsn_by_role["telltale_operator"])
    return {
        "TELLTALE_HOME": home,
        "TELLTALE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "TELLTALE_POSTGRES_HOST": dsn.hostname or "",
        "TELLTALE_POSTGRES_PORT": str(dsn.port),
        "TELLTALE_POSTGRES_DATABASE": dsn.path.removeprefix("/"),
        "TELLTALE_OPERATOR_PASSWORD": dsn.password or "",
        "TELLTALE_TOPIC_PREFIX": prefix,
    }


async def operate(variables: Mapping[str, str], *words: str) -> Done:
    """Run a command in this process, which saves starting one."""
    result = await asyncio.to_thread(CliRunner().invoke, main, words, env=variables)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


async def operate_apart(variables: Mapping[str, str], *words: str, timeout_s: float = 60) -> Done:
    """Run ``python -m deploy.operate`` to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.operate", *words, cwd=CHECKOUT, env=os.environ | dict(variables),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def records_of(servers: Servers, topic: str, partition: int = 0) -> list[ConsumerRecord]:
    """Read a partition from its beginning to its end."""
    at = TopicPartition(topic, partition)
    async with AIOKafkaConsumer(bootstrap_servers=servers.kafka_bootstrap) as consumer:
        consumer.assign([at])
        await consumer.seek_to_beginning(at)
        end = (await consumer.end_offsets([at]))[at]
        found: list[ConsumerRecord] = []
        while await consumer.position(at) < end:
            found += (await consumer.getmany(timeout_ms=200)).get(at, [])
    return found
