"""Load on a running system from a process of its own, watched while it lasts."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.http_load import API_KEY_VARIABLE
from benchmarks.observing import Observer, Progress, Usage, usage
from deploy.local.settings import CHECKOUT
from tests.e2e.system import System

HOME: Final = CHECKOUT / ".telltale-bench"
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the system: when, in seconds since the load began, how far each stage was, what each part used."""

    at_s: float
    progress: Progress
    usage: dict[str, Usage]


@dataclass(slots=True)
class Watched:
    """What a load came to."""

    told: dict[str, Any] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)

    @property
    def persisted_s(self) -> float:
        """Batches stored a second, verdict included, while the load lasted."""
        first, last = self.looks[0], self.looks[-1]
        stored = [min(look.progress.persisted_batches, look.progress.persisted_verdicts) for look in (first, last)]
        return (stored[1] - stored[0]) / (last.at_s - first.at_s)

    def cpu_ms_batch(self) -> dict[str, float]:
        """CPU of each part for a batch that went the whole way, in milliseconds."""
        first, last = self.looks[0], self.looks[-1]
        batches = max(1.0, self.persisted_s * (last.at_s - first.at_s))
        parts = {name: last.usage[name].cpu_s - used.cpu_s for name, used in first.usage.items()}
        return {name: 1000 * spent / batches for name, spent in parts.items()} | {"load": self.told["cpu_ms_request"]}


async def load(system: System, seconds: float, *options: str) -> Watched:
    """Run ``benchmarks.http_load`` against a system and look at the system every second.

    Parameters
    ----------
    options
        Further options of the load, e.g. ``--rate 100``.
    """
    status = {one.part.name: one.pid for one in await system.stack.status()}
    watched = Watched()
    async with Observer(system.addresses) as observer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.http_load", "--url", system.addresses.gateway_url,
            "--seconds", str(seconds), *options,
            cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {API_KEY_VARIABLE: system.addresses.demo_api_key},
        )  # fmt: skip
        try:
            await _until_flowing(observer, process)
            started_s = time.monotonic()
            answer = asyncio.create_task(process.communicate())
            while (at_s := time.monotonic() - started_s) < seconds and not answer.done():
                used = {name: usage(pid) for name, pid in status.items()}
                watched.looks.append(Look(at_s, await observer.progress(), used))
                await asyncio.wait([answer], timeout=_LOOK_EVERY_S)
            output, _ = await answer
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    watched.told = json.loads(output.splitlines()[-1])
    return watched


async def until_drained(system: System, timeout_s: float = 120.0) -> float:
    """Wait until everything accepted is stored; give how long it took, in seconds."""
    started_s = time.monotonic()
    async with asyncio.timeout(timeout_s), Observer(system.addresses) as observer:
        while not await observer.is_drained():  # noqa: ASYNC110 - other programs
            await asyncio.sleep(0.05)
    return time.monotonic() - started_s


async def _until_flowing(observer: Observer, process: asyncio.subprocess.Process) -> None:
    while (await observer.progress()).accepted == 0:
        if process.returncode is not None:
            raise RuntimeError("the load ended before it began")
        await asyncio.sleep(0.05)
