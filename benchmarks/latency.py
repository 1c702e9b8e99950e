"""How long a caller waits for the verdict in the answer: quiet, and at half of what the machine carries."""

import asyncio
import statistics
from typing import Any, Final

from benchmarks.loading import HOME, load, until_drained
from benchmarks.measuring import Report
from tests.e2e.system import System, running_system

_ROUNDS: Final = 3
_WAIT: Final = ("--wait-ms", "2000", "--body", "objects")
_FULL_LOAD_ANSWERS: Final = "200"  # a verdict came; 202 is a receipt without one


def measure(report: Report) -> dict[str, Any]:
    """Measure 100 requests a second, then half of the highest rate at which every caller gets a verdict in time."""
    with running_system(HOME) as system:
        return asyncio.run(_measure(system, report))


async def _measure(system: System, report: Report) -> dict[str, Any]:
    quiet = [await _at(system, 100, 15, report) for _ in range(_ROUNDS)]
    full = 400.0
    while (await _at(system, full, 8, report))["answered_share"] > 0.99:
        full *= 1.3
    half = [await _at(system, full / 1.3 / 2, 15, report) for _ in range(_ROUNDS)]
    return {
        "verdict_p50_ms": statistics.median(one["p50_ms"] for one in quiet),
        "verdict_p99_ms": statistics.median(one["p99_ms"] for one in quiet),
        "verdict_full_load_batches_s": round(full / 1.3),
        "verdict_half_load_p50_ms": statistics.median(one["p50_ms"] for one in half),
        "verdict_half_load_p99_ms": statistics.median(one["p99_ms"] for one in half),
    }


async def _at(system: System, rate: float, seconds: float, report: Report) -> dict[str, float]:
    watched = await load(system, seconds, "--rate", str(rate), "--connections", "64", *_WAIT)
    await until_drained(system)
    told = watched.told
    share = told["statuses"].get(_FULL_LOAD_ANSWERS, 0) / max(1, told["sent"] + told["not_sent"])
    report(f"{rate:.0f} requests/s: p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms, verdicts in {share:.1%}")
    return {"p50_ms": told["p50_ms"], "p99_ms": told["p99_ms"], "answered_share": share}
