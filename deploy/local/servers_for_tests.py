"""Kafka, PostgreSQL and Redis for tests: one throw-away instance that test runs share while any of them lasts."""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.local.host import free_ports
from deploy.local.progress import Progress
from deploy.local.settings import CHECKOUT, StackSettings
from deploy.local.stack import Stack
from deploy.provision.migrations import MIGRATIONS
from deploy.provision.run import provision

_HOME: Final = CHECKOUT / ".telltale-test"
_PORT_NAMES: Final = ("kafka_port", "kafka_controller_port", "postgres_port", "redis_port")


@dataclass(frozen=True, slots=True, repr=False)
class Servers:
    """Addresses of running servers. `postgres_dsn_by_role` has every role, the admin's included."""

    kafka_bootstrap: str
    postgres_dsn_by_role: dict[str, str]
    redis_url: str


@contextlib.contextmanager
def local_servers(*, keep: bool) -> Iterator[Servers]:
    """Start the servers, or join those a run at the same time has started.

    Parameters
    ----------
    keep
        Leave them running at the end. Otherwise whoever is last to use them stops them.
    """
    _HOME.mkdir(exist_ok=True)
    with (_HOME / "users").open("a") as users:
        with _lock(_HOME / "starting"):
            stack = _started()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield _addresses(stack)
        finally:
            with _lock(_HOME / "starting"):
                if not keep and _is_last(users.fileno()):
                    stack.stop()


def _started() -> Stack:
    """Start an instance with no data, or use the one that runs."""
    ports_file = _HOME / "ports.json"
    if not (ports_file.exists() and Stack(_settings(json.loads(ports_file.read_text()))).running()):
        if ports_file.exists():
            Stack(_settings(json.loads(ports_file.read_text()))).stop()
        _forget_data()
        ports_file.write_text(json.dumps(dict(zip(_PORT_NAMES, free_ports(len(_PORT_NAMES)), strict=True))))
    stack = Stack(_settings(json.loads(ports_file.read_text())))

    async def start() -> None:
        with Progress(Console(quiet=True)) as progress:
            await stack.start_servers(progress)
        await provision(stack.provision_settings())

    asyncio.run(start())
    return stack


def _settings(ports: dict[str, int]) -> StackSettings:
    # Other migrations, other database: a run never meets a schema that an older version of them has made.
    return StackSettings.model_validate({"home": _HOME, "postgres_database": f"telltale_{_migrations_hash()}"} | ports)


def _migrations_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(MIGRATIONS.glob("*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def _addresses(stack: Stack) -> Servers:
    addresses = stack.addresses(demo_api_key="")
    return Servers(addresses.kafka_bootstrap, addresses.postgres_dsn_by_role, addresses.redis_url)


def _forget_data() -> None:
    moved = _HOME / "postgres-is-at"
    for place in ("kafka", "postgres", "redis"):
        shutil.rmtree(_HOME / place, ignore_errors=True)
    if moved.exists():
        shutil.rmtree(Path(moved.read_text().strip()) / "data", ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(descriptor: int) -> bool:
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
