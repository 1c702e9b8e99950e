"""Kafka, PostgreSQL and Redis of a measurement's own: fresh data, known process ids, gone at the end."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from deploy.local.host import free_ports, recorded_process
from deploy.local.progress import Progress
from deploy.local.settings import CHECKOUT, StackSettings
from deploy.local.stack import Stack
from deploy.provision.run import provision

_PORT_NAMES: Final = ("kafka_port", "kafka_controller_port", "postgres_port", "redis_port")


@dataclass(frozen=True, slots=True, repr=False)
class OwnServers:
    """Addresses and process ids. `postgres_dsn_by_role` has every role, the admin's included."""

    kafka_bootstrap: str
    postgres_dsn_by_role: dict[str, str]
    redis_url: str
    kafka_pid: int
    postgres_pid: int


@contextlib.contextmanager
def own_servers(name: str) -> Iterator[OwnServers]:
    """Start servers with the local stack's own settings and no data; stop them and drop their data at the end."""
    home = CHECKOUT / f".telltale-bench-{name}"
    ports = dict(zip(_PORT_NAMES, free_ports(len(_PORT_NAMES)), strict=True))
    stack = Stack(StackSettings.model_validate({"home": home} | ports))
    stack.stop()  # what a killed measurement left
    _forget(home)
    stack = Stack(stack.settings)
    try:
        asyncio.run(_start(stack))
        addresses = stack.addresses(demo_api_key="")
        pids = {part.name: recorded_process(part.pid_file) for part in stack.servers}
        yield OwnServers(
            addresses.kafka_bootstrap,
            addresses.postgres_dsn_by_role,
            addresses.redis_url,
            _pid(pids["kafka"]),
            _pid(pids["postgres"]),
        )
    finally:
        stack.stop()
        _forget(home)


async def _start(stack: Stack) -> None:
    with Progress(Console(quiet=True)) as progress:
        await stack.start_servers(progress)
    await provision(stack.provision_settings())


def _pid(process: psutil.Process | None) -> int:
    if process is None:
        raise LookupError("a server has started and left no running process")
    return process.pid


def _forget(home: Path) -> None:
    moved = home / "postgres-is-at"
    if moved.exists():
        shutil.rmtree(moved.read_text().strip(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
