"""Memory with many live sessions, and how long a scorer needs to have them again."""

import asyncio
import time
from pathlib import Path
from typing import Final

import httpx

from benchmarks.measuring import Report, rss_mb
from benchmarks.scorer.backlog import inputs
from benchmarks.scorer.field import REAL, Addresses, Process, field_of

_SESSIONS: Final = 10_000
_BATCHES_EACH: Final = 3
_COUNT: Final = "telltale_scorer_restore_seconds_count"
_LIVE: Final = 'telltale_scorer_live_sessions{domain="behavior"}'
_COUNTED_S: Final = 30.0
_SUM: Final = "telltale_scorer_restore_seconds_sum"


async def restoring(servers: Addresses, core: int, report: Report) -> dict[str, float]:
    """Score sessions of several batches with the real rules, end the scorer the hard way, and start another."""
    async with field_of(servers) as field:
        first = field.start(REAL, core)
        await first.ready()
        empty_mb = rss_mb(first.pid)
        await field.write(inputs(_SESSIONS * _BATCHES_EACH, _SESSIONS))
        await field.scored(_SESSIONS * _BATCHES_EACH)
        live_mb, peak_mb = rss_mb(first.pid), _peak_mb(first.pid)
        report(f"{_SESSIONS} live sessions: {live_mb:.0f} MB")
        first.kill()
        field.forget(first)
        started_s = time.perf_counter()
        second = field.start(REAL, core)
        await second.ready()
        ready_s = time.perf_counter() - started_s
        metrics = await _counted(second)
        return {
            "scorer_memory_empty_mb": empty_mb,
            "scorer_memory_10k_sessions_mb": live_mb,
            "scorer_memory_10k_sessions_peak_mb": peak_mb,
            "scorer_memory_restored_mb": rss_mb(second.pid),
            "scorer_memory_restored_peak_mb": _peak_mb(second.pid),
            "scorer_restored_sessions": metrics[_LIVE],
            "scorer_restore_s_partition": metrics[_SUM] / metrics[_COUNT],
            "scorer_killed_to_ready_s": ready_s,
        }


async def _counted(process: Process) -> dict[str, float]:
    """Wait until it has counted what it holds, which it does every now and then."""
    async with asyncio.timeout(_COUNTED_S):
        while True:
            found = await _metrics(process)
            if found[_LIVE]:
                return found
            await asyncio.sleep(0.1)


async def _metrics(process: Process) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{process.port}/metrics")).text
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def _peak_mb(pid: int) -> float:
    """Give the most memory a process ever had at once, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(kilobytes) * 1_024 / 1e6
