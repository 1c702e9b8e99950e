"""``python -m benchmarks.soak --minutes 30``: steady load; memory, descriptors, lag and latency must stay flat."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

import click
import numpy as np

from benchmarks.http_load import API_KEY_VARIABLE
from benchmarks.loading import until_drained
from benchmarks.measuring import end_in_order_on_sigterm
from benchmarks.observing import Observer, Usage, usage
from deploy.local.settings import CHECKOUT
from tests.e2e.system import System, running_system

HOME: Final = CHECKOUT / ".telltale-soak"
_WINDOWS: Final = 60
_WARM_UP_SHARE: Final = 0.25
_RATE: Final = 100
_LOAD: Final = ("--rate", str(_RATE), "--connections", "64", "--subjects", "2000", "--wait-ms", "2000")


@dataclass(frozen=True, slots=True)
class Allowed:
    """How far the last quarter may be above the second: by a share and by an amount, whichever is more."""

    share: float
    amount: float

    def holds(self, early: float, late: float) -> bool:
        """Tell whether the late value is within bounds."""
        return late <= early + max(self.share * early, self.amount)


# Amounts are what a healthy process moves by itself: an allocator's arena, a pool's connections, a timer's luck.
_ALLOWED: Final = {
    "memory_mb": Allowed(0.1, 12.0),
    "descriptors": Allowed(0.1, 4.0),
    "lag_batches": Allowed(0.5, _RATE * 0.5),
    "p50_ms": Allowed(0.5, 3.0),
    "p99_ms": Allowed(1.0, 30.0),
}
# These fill what they were given for caching, up to a fixed size, by design: buffers, heap, files kept open, verdicts.
_CACHES: Final = {
    ("postgres", "memory_mb"): 300.0,
    ("postgres", "descriptors"): 1_000.0,
    ("kafka", "memory_mb"): 250.0,
    ("redis", "memory_mb"): 256.0,
}


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of the soak."""

    p50_ms: float
    p99_ms: float
    lag_batches: float
    parts: dict[str, Usage]


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="How long.")
def main(minutes: float) -> None:
    """Soak a system of its own; exit 1 when something grows or the books do not balance."""
    end_in_order_on_sigterm()
    with running_system(HOME) as system:
        figures = asyncio.run(_soak(system, minutes * 60))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.exit(0 if figures["flat"] and not figures["lost"] and not figures["duplicated"] else 1)


async def _soak(system: System, seconds: float) -> dict[str, Any]:
    window_s = seconds / _WINDOWS
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_load", "--url", system.addresses.gateway_url,
        "--seconds", str(seconds), "--window-s", str(window_s), *_LOAD,
        cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {API_KEY_VARIABLE: system.addresses.demo_api_key},
    )  # fmt: skip
    try:
        windows, told = await _watch(system, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await until_drained(system)
    return judge(windows) | await _books(system, told)


async def _watch(system: System, process: asyncio.subprocess.Process) -> tuple[list[Window], dict[str, Any]]:
    assert process.stdout is not None
    pids = {one.part.name: one.pid for one in await system.stack.status()}
    windows: list[Window] = []
    started_s, last = time.monotonic(), {}
    async with Observer(system.addresses) as observer:
        async for line in process.stdout:
            last = json.loads(line)
            if "answers" not in last:
                break
            parts = {name: usage(pid) for name, pid in pids.items()}
            windows.append(Window(last["p50_ms"], last["p99_ms"], (await observer.progress()).lag, parts))
            memory = ", ".join(f"{name} {used.memory_mb:.0f}" for name, used in parts.items())
            click.echo(
                f"{time.monotonic() - started_s:5.0f} s, p50 {last['p50_ms']:.1f} ms, p99 {last['p99_ms']:.1f} ms,"
                f" lag {windows[-1].lag_batches:.0f}, MB: {memory}",
                err=True,
            )
    await process.wait()
    return windows, last


def judge(windows: list[Window]) -> dict[str, Any]:
    """Compare the last quarter of a soak with its second quarter; the first one is warming up.

    Returns
    -------
    dict
        ``flat``, ``grew`` with the names of what did not stay flat, and early and late medians of everything.
    """
    early = windows[int(len(windows) * _WARM_UP_SHARE) : len(windows) // 2]
    late = windows[-len(early) :]
    figures: dict[str, Any] = {}
    grew: list[str] = []

    def compare(name: str, kind: str, values: tuple[list[float], list[float]], allowed: Allowed) -> None:
        first, last = (round(float(np.median(column)), 2) for column in values)
        figures[f"{name}_early"], figures[f"{name}_late"] = first, last
        if not allowed.holds(first, last):
            grew.append(name)

    for kind in ("p50_ms", "p99_ms", "lag_batches"):
        columns = ([getattr(one, kind) for one in early], [getattr(one, kind) for one in late])
        compare(kind, kind, columns, _ALLOWED[kind])
    for part in windows[0].parts:
        for kind in ("memory_mb", "descriptors"):
            columns = (
                [float(getattr(one.parts[part], kind)) for one in early],
                [float(getattr(one.parts[part], kind)) for one in late],
            )
            cache = _CACHES.get((part, kind))
            compare(f"{part}_{kind}", kind, columns, Allowed(0.0, cache) if cache else _ALLOWED[kind])
    return {"flat": not grew, "grew": grew} | figures


async def _books(system: System, told: dict[str, Any]) -> dict[str, Any]:
    """Count what the load was told against what is stored."""
    rows, ids = {}, {}
    for table in ("batches", "verdicts"):
        [row] = await system.rows(
            f"SELECT count(*) AS rows, count(DISTINCT batch_id) AS ids FROM {table} WHERE subject_id LIKE 'load-%'"
        )
        rows[table], ids[table] = row["rows"], row["ids"]
    acknowledged = told["acknowledged_batches"]
    return {
        "minutes": round(told["seconds"] / 60, 1),
        "acknowledged": acknowledged,
        "persisted": ids["batches"],
        "lost": max(0, acknowledged - ids["batches"]) + max(0, ids["batches"] - ids["verdicts"]),
        "duplicated": sum(rows.values()) - sum(ids.values()),
        "statuses": told["statuses"],
    }


if __name__ == "__main__":
    main()
