"""The whole path on this machine: load generator, gateway, Kafka, scorer, Redis, persister, PostgreSQL, insights.

A rate counts when the system holds it for a minute and what waits on the way does not grow.
"""

import asyncio
from typing import Any, Final

from benchmarks.loading import HOME, Watched, load, until_drained
from benchmarks.measuring import Report
from tests.e2e.system import System, running_system

_TRY_S: Final = 10.0
_HOLD_S: Final = 60.0
_STEP: Final = 1.15
_TRIES: Final = 2
_CLOSER: Final = 0.92
_MAX_LAG_S: Final = 2.0  # of work at the rate, between the gateway's answer and the stored verdict
_LOAD: Final = {
    "objects": (50, 1_700, ("--body", "objects", "--connections", "64")),
    "tracks": (500, 1_100, ("--body", "track", "--samples", "500", "--connections", "64")),
}


def measure(report: Report) -> dict[str, Any]:
    """Find the highest rate of objects and of tracks that the system holds for a minute."""
    with running_system(HOME) as system:
        return asyncio.run(_measure(system, report))


async def _measure(system: System, report: Report) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, (events, first_rate, options) in _LOAD.items():
        rate = await _highest(system, first_rate, options, report)
        held = await _hold(system, rate, options, report)
        per_batch = held.cpu_ms_batch()
        total_ms = sum(per_batch.values())
        figures |= {
            f"events_s_{name}": round(held.persisted_s * events),
            f"batches_s_{name}": round(held.persisted_s),
            f"path_p99_ms_{name}": held.told["p99_ms"],
            f"cpu_us_per_event_{name}": round(1000 * total_ms / events, 3),
            f"lag_at_end_s_{name}": round(held.looks[-1].progress.lag / held.persisted_s, 2),
        }
        figures |= {f"cpu_ms_batch_{name}_{part}": round(ms, 4) for part, ms in per_batch.items()}
        for part in ("gateway", "scorer", "persister"):
            figures[f"memory_mb_{name}_{part}"] = round(max(look.usage[part].memory_mb for look in held.looks))
    figures["cpu_us_per_event"] = figures["cpu_us_per_event_objects"]
    return figures


async def _highest(system: System, rate: float, options: tuple[str, ...], report: Report) -> float:
    """Raise the rate until the system falls behind twice in a row; the broker's compiler needs the first run."""
    await load(system, _TRY_S, "--rate", str(rate / 2), *options)
    fell_behind = 0
    while fell_behind < _TRIES:
        watched = await load(system, _TRY_S, "--rate", str(rate), *options)
        await until_drained(system)
        report(f"{rate:.0f} batches/s asked: {_told(watched)}")
        if _kept_up(watched, rate):
            rate, fell_behind = rate * _STEP, 0
        else:
            fell_behind += 1
    return rate / _STEP


async def _hold(system: System, rate: float, options: tuple[str, ...], report: Report) -> Watched:
    """Hold a rate for a minute; a little less each time that the system falls behind."""
    while True:
        watched = await load(system, _HOLD_S, "--rate", str(rate), *options)
        await until_drained(system)
        report(f"{rate:.0f} batches/s for {_HOLD_S:.0f} s: {_told(watched)}")
        if _kept_up(watched, rate):
            return watched
        rate *= _CLOSER


def _kept_up(watched: Watched, rate: float) -> bool:
    refused = watched.told["sent"] - sum(watched.told["statuses"].get(status, 0) for status in ("200", "202"))
    late = [look.progress.lag for look in watched.looks[-3:]]
    return refused == 0 and watched.told["not_sent"] == 0 and min(late) < _MAX_LAG_S * rate


def _told(watched: Watched) -> str:
    parts = ", ".join(f"{name} {ms:.3f}" for name, ms in watched.cpu_ms_batch().items())
    return (
        f"{watched.persisted_s:.0f} stored a second, {watched.looks[-1].progress.lag} on the way,"
        f" answers p99 {watched.told['p99_ms']:.0f} ms; CPU ms a batch: {parts}"
    )
