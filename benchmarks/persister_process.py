"""One persister process at work on a backlog, with the CPU time of everything it uses."""

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import psutil

from benchmarks.measuring import cpu_s, pin, rss_mb
from benchmarks.servers import OwnServers
from deploy.local.settings import CHECKOUT

PERSISTER_ROLE: Final = "telltale_persister"


async def drain(
    servers: OwnServers, owner: Any, prefix: str, core: int, batches: int, processes: int = 1
) -> dict[str, float]:
    """Let persisters that share one core write a backlog of so many batches and their verdicts."""
    running = [await _start(servers, prefix) for _ in range(processes)]
    try:
        for process in running:
            pin(process.pid, core)
        # From the first write on: neither starting nor joining is a batch's cost.
        first = await _until(owner, prefix, 1)
        meter = Meter(servers, lambda: sum(cpu_s(process.pid) for process in running))
        last = await _until(owner, prefix, 2 * batches)
        return meter.figures((last - first) / 2) | {"rss_mb": max(rss_mb(process.pid) for process in running)}
    finally:
        for process in running:
            process.terminate()
        for process in running:
            await process.wait()


async def _start(servers: OwnServers, prefix: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.persister", cwd=CHECKOUT, env=os.environ | {
            "TELLTALE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
            "TELLTALE_POSTGRES_DSN": servers.postgres_dsn_by_role[PERSISTER_ROLE],
            "TELLTALE_TOPIC_PREFIX": prefix,
            "TELLTALE_HTTP_PORT": "0",
            "TELLTALE_LOG_LEVEL": "ERROR",
        },
    )  # fmt: skip


async def _until(owner: Any, prefix: str, records: int) -> int:
    query = "SELECT coalesce(sum(persisted), 0)::bigint FROM stream_offsets WHERE starts_with(topic, $1)"
    while True:
        moved = int(await owner.fetchval(query, prefix))
        if moved >= records:
            return moved
        await asyncio.sleep(0.01)


class Meter:
    """CPU and time from now on."""

    def __init__(self, servers: OwnServers, client_cpu_s: Callable[[], float]) -> None:
        gc.collect()
        self._servers, self._client_cpu_s = servers, client_cpu_s
        self._start = self._now()

    def figures(self, batches: float) -> dict[str, float]:
        """Give rate and costs of so many batches."""
        wall, client, postgres, kafka = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return {
            "batches_s": batches / wall,
            "ms_batch": client * 1000 / batches,
            "postgres_ms_batch": postgres * 1000 / batches,
            "kafka_ms_batch": kafka * 1000 / batches,
        }

    def _now(self) -> tuple[float, float, float, float]:
        return (
            time.perf_counter(), self._client_cpu_s(), family_cpu_s(self._servers.postgres_pid),
            cpu_s(self._servers.kafka_pid),
        )  # fmt: skip


def family_cpu_s(pid: int) -> float:
    """Give the CPU time of a process and its children, those that have ended included, in seconds."""
    root = psutil.Process(pid)
    times = root.cpu_times()
    return sum(cpu_s(child.pid) for child in root.children()) + float(
        times.user + times.system + times.children_user + times.children_system
    )


def pin_tree(pid: int, core: int) -> None:
    """Keep a process and its children, those to come included, on one core."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children()]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a database session that has just ended
            pin(process.pid, core)
