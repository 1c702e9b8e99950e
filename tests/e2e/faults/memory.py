"""Watches how much memory services take while something goes wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Final

import psutil

from deploy.local.host import recorded_process
from tests.e2e.system import System

# Resident megabytes that a service never takes.
BOUNDS_MB: Final = {"gateway": 200, "scorer": 400, "persister": 200}
_LOOK_EVERY_S: Final = 0.25


@contextlib.asynccontextmanager
async def bounded_memory(system: System) -> AsyncIterator[None]:
    """Check at the end that no service took more than its bound meanwhile."""
    files = {part.name: part.pid_file for part in system.stack.all_parts if part.name in BOUNDS_MB}
    async with bounded_processes(lambda: {name: _pid_in(file) for name, file in files.items()}):
        yield


@contextlib.asynccontextmanager
async def bounded_processes(pids: Callable[[], Mapping[str, int]]) -> AsyncIterator[None]:
    """Check the same for processes, by service name; 0 is none now."""
    most_mb = dict.fromkeys(BOUNDS_MB, 0.0)

    async def look() -> None:
        while True:
            for name, pid in pids().items():
                with contextlib.suppress(psutil.Error):
                    most_mb[name] = max(most_mb[name], psutil.Process(pid).memory_info().rss / 1e6 if pid else 0.0)
            await asyncio.sleep(_LOOK_EVERY_S)

    task = asyncio.create_task(look(), name="memory")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert all(most_mb.values()), f"a service was never seen: {most_mb}"
    assert all(most_mb[name] < bound for name, bound in BOUNDS_MB.items()), most_mb


def _pid_in(file: Path) -> int:
    process = recorded_process(file)
    return process.pid if process is not None else 0
