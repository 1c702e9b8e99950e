"""The whole path on this machine: load generator, gateway, Kafka, scorer, Redis, persister, PostgreSQL, insights.

A rate counts when the system holds it for a minute and what waits on the way does not grow.
"""

import asyncio
from typing import Any, Final, NamedTuple

from benchmarks.loading import HOME, Watched, load, until_drained
from benchmarks.measuring import Report
from tests.e2e.system import System, running_system

_TRY_S: Final = 10.0
_HOLD_S: Final = 60.0
_STEP: Final = 1.15
_TRIES: Final = 2
_CLOSER: Final = 0.92
_MAX_LAG_S: Final = 2.0  # of work at the rate, between the gateway's answer and the stored verdict
_TOGETHER: Final = 8


class Kind(NamedTuple):
    """One kind of load: events of a batch, batches of a request, the first rate to try in batches a second."""

    events: int
    batches: int
    first_rate: float
    options: tuple[str, ...]


_CONNECTIONS: Final = ("--connections", "64")
_LOAD: Final = {
    "objects": Kind(50, 1, 1_700, ("--body", "objects", *_CONNECTIONS)),
    # As a server's client sends them, for many sessions at once.
    "objects_together": Kind(50, _TOGETHER, 2_000, ("--body", "objects", "--batches", str(_TOGETHER), *_CONNECTIONS)),
    "tracks": Kind(500, 1, 1_100, ("--body", "track", "--samples", "500", *_CONNECTIONS)),
}


def measure(report: Report) -> dict[str, Any]:
    """Find the highest rate of objects and of tracks that the system holds for a minute."""
    with running_system(HOME) as system:
        return asyncio.run(_measure(system, report))


async def _measure(system: System, report: Report) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, kind in _LOAD.items():
        rate = await _highest(system, kind, report)
        held = await _hold(system, kind, rate, report)
        per_batch, events = held.cpu_ms_batch(), kind.events
        per_batch["load"] /= kind.batches
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


async def _highest(system: System, kind: Kind, report: Report) -> float:
    """Raise the rate until the system falls behind twice in a row; the broker's compiler needs the first run."""
    await _load(system, kind, kind.first_rate / 2, _TRY_S)
    rate, fell_behind = kind.first_rate, 0
    while fell_behind < _TRIES:
        watched = await _load(system, kind, rate, _TRY_S)
        report(f"{rate:.0f} batches/s asked: {_told(watched)}")
        if _kept_up(watched, rate):
            rate, fell_behind = rate * _STEP, 0
        else:
            fell_behind += 1
    return rate / _STEP


async def _hold(system: System, kind: Kind, rate: float, report: Report) -> Watched:
    """Hold a rate for a minute; a little less each time that the system falls behind."""
    while True:
        watched = await _load(system, kind, rate, _HOLD_S)
        report(f"{rate:.0f} batches/s for {_HOLD_S:.0f} s: {_told(watched)}")
        if _kept_up(watched, rate):
            return watched
        rate *= _CLOSER


async def _load(system: System, kind: Kind, rate: float, seconds: float) -> Watched:
    watched = await load(system, seconds, "--rate", str(rate / kind.batches), *kind.options)
    await until_drained(system)
    return watched


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
