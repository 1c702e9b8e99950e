"""One whole running system for the end-to-end tests, started by the command people use."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import psutil

from deploy.local.addresses import Addresses
from deploy.local.credentials import ADMIN
from deploy.local.host import free_ports
from deploy.local.settings import CHECKOUT, StackSettings
from deploy.local.stack import PartStatus, Stack

_HOME: Final = CHECKOUT / ".telltale-e2e"
_READY_TIMEOUT_S: Final = 120.0
_PORTS: Final = (
    "kafka_port", "kafka_controller_port", "postgres_port", "redis_port",
    "gateway_port", "insights_port", "scorer_port", "persister_port", "demo_port",
)  # fmt: skip


@dataclass(frozen=True)
class System:
    """A running system.

    Parameters
    ----------
    stack
        Its parts, to look at, kill, stop and start.
    addresses
        Where it is reached.
    environment
        Variables under which its commands speak of this instance.
    summary
        The last line that ``up --detach`` printed, decoded.
    """

    stack: Stack
    addresses: Addresses
    environment: dict[str, str]
    summary: dict[str, Any]

    def command(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one of the local stack's commands against this instance."""
        return _local(self.environment, *words, timeout_s=timeout_s)

    @property
    def authorization(self) -> dict[str, str]:
        """The header that a client of the demo tenant sends."""
        return {"authorization": f"Bearer {self.addresses.demo_api_key}"}

    def gateway(self) -> httpx.AsyncClient:
        """Make a client of the gateway."""
        return httpx.AsyncClient(base_url=self.addresses.gateway_url, headers=self.authorization, timeout=15)

    def insights(self) -> httpx.AsyncClient:
        """Make a client of insights."""
        return httpx.AsyncClient(base_url=self.addresses.insights_url, headers=self.authorization, timeout=15)

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask PostgreSQL as its administrator, for counting across tenants."""
        connection = await asyncpg.connect(self.addresses.postgres_dsn_by_role[ADMIN])
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def status(self, name: str) -> PartStatus:
        """Look at one part."""
        return next(one for one in await self.stack.status() if one.part.name == name)

    async def kill(self, name: str) -> None:
        """End a part with SIGKILL and wait until its successor is ready."""
        before = await self.status(name)
        os.kill(before.pid, signal.SIGKILL)
        await self.until_ready(name, not_pid=before.pid)

    async def stop(self, name: str) -> None:
        """Stop a part and keep it stopped."""
        part = (await self.status(name)).part
        await asyncio.to_thread(self.stack.supervisor.stop_part, part)

    async def start(self, name: str) -> None:
        """Start a stopped part and wait until it is ready."""
        part = (await self.status(name)).part
        await asyncio.to_thread(self.stack.supervisor.start_part, part)
        await self.until_ready(name)

    async def until_ready(self, name: str, *, not_pid: int = 0) -> None:
        """Wait until a part is ready."""
        async with asyncio.timeout(_READY_TIMEOUT_S):
            while True:
                now = await self.status(name)
                if not now.why and now.pid != not_pid:
                    return
                await asyncio.sleep(0.1)

    async def until_all_ready(self) -> None:
        """Wait until every part is ready."""
        for part in self.stack.all_parts:
            await self.until_ready(part.name)


@contextlib.contextmanager
def running_system(home: Path = _HOME, launcher: Sequence[str] = ()) -> Iterator[System]:
    """Start a system with no data of its own by ``up --detach``; stop it and check that no process is left.

    Parameters
    ----------
    home
        Where it keeps everything; what an earlier run left there is removed first.
    launcher
        Words before the command that starts it.
    """
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    environment = {"TELLTALE_HOME": str(home)} | {f"TELLTALE_{name.upper()}": str(port) for name, port in ports.items()}
    _local(environment, "down", timeout_s=120)
    forget(home)
    try:
        started = _local(environment, "up", "--detach", timeout_s=300, launcher=launcher)
        assert started.returncode == 0, started.stdout[-3_000:] + started.stderr[-3_000:] + _last_logs(home)
        stack = Stack(StackSettings.model_validate({"home": home} | ports))
        key = _secret(home, "TELLTALE_DEMO_API_KEY")
        yield System(stack, stack.addresses(key), environment, json.loads(started.stdout.splitlines()[-1]))
    finally:
        ours = _processes(home)
        stopped = _local(environment, "down", timeout_s=150)
        assert stopped.returncode == 0, stopped.stderr
        left = [process for process in ours if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        assert not left, left


def _local(
    environment: dict[str, str], *words: str, timeout_s: float, launcher: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*launcher, sys.executable, "-m", "deploy.local", *words],
        cwd=CHECKOUT, env=os.environ | environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip


def forget(home: Path) -> None:
    """Remove the data of an earlier run; PostgreSQL's may stand elsewhere."""
    moved = home / "postgres-is-at"
    if moved.exists():
        shutil.rmtree(Path(moved.read_text().strip()) / "data", ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _secret(home: Path, name: str) -> str:
    lines = (home / "secrets.env").read_text().splitlines()
    found = next(line for line in lines if line.removeprefix("export ").startswith(f"{name}="))
    return found.split("=", 1)[1].strip("'\"")


def _last_logs(home: Path) -> str:
    return "\n".join(f"--- {log.name}\n{log.read_text()[-2_000:]}" for log in sorted((home / "logs").glob("*.log")))


def _processes(home: Path) -> list[psutil.Process]:
    """Find every process of the instance: its supervisor and all below."""
    pid_file = home / "run" / "supervisord.pid"
    if not pid_file.exists():
        return []
    try:
        supervisor = psutil.Process(int(pid_file.read_text().split()[0]))
        return [supervisor, *supervisor.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
