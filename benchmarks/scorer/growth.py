"""What a batch costs as live sessions and partitions grow."""

from typing import Any, Final

from benchmarks.measuring import Report
from benchmarks.scorer.backlog import inputs
from benchmarks.scorer.field import REAL, Addresses, field_of

_BATCHES: Final = 3_000
_SESSIONS: Final = (1, 100, 10_000, 100_000)
_PARTITIONS: Final = (1, 4, 16, 64)
_FEW: Final = 1_000
_EVENTS_BEFORE: Final = 2


async def growing(servers: Addresses, core: int, report: Report) -> dict[str, Any]:
    """Measure with the real rules; milliseconds of CPU a batch of 50 events."""
    found = {}
    for sessions in _SESSIONS:
        name = f"scorer_ms_batch_at_{sessions}_sessions"
        found[name] = await _cost_ms(servers, core, sessions, partitions=4)
        report(f"{name}: {found[name]:.3f}")
    for partitions in _PARTITIONS:
        name = f"scorer_ms_batch_at_{partitions}_partitions"
        found[name] = await _cost_ms(servers, core, _FEW, partitions)
        report(f"{name}: {found[name]:.3f}")
    return found


async def _cost_ms(servers: Addresses, core: int, sessions: int, partitions: int) -> float:
    """Make the sessions with small batches, then measure larger ones spread over all of them."""
    async with field_of(servers, partitions) as field:
        await field.write(inputs(sessions, sessions, events=_EVENTS_BEFORE))
        before = field.start(REAL, core)
        await field.scored(sessions)
        before.kill()
        field.forget(before)
        await field.write(inputs(_BATCHES, sessions))
        return (await field.cost(_BATCHES, [field.start(REAL, core)], first=sessions)).cpu_us / 1e3
