"""The scorer on one core, everything else on the other, beside a plain aiokafka loop with the same light judge."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvloop

from benchmarks.measuring import Report, cores, medians, pin
from benchmarks.scorer.backlog import inputs
from benchmarks.scorer.field import LIGHT, LIMIT, REAL, Addresses, field_of
from benchmarks.scorer.judging import steps_us
from benchmarks.scorer.latency import verdict_latency
from benchmarks.servers import own_servers

_ROUNDS: Final = 3
_SUBJECTS: Final = 2_000
_BATCHES_BY_MODULE: Final = {LIGHT: 20_000, REAL: 8_000, LIMIT: 20_000}
_NAMES: Final = {LIGHT: "scorer", REAL: "scorer_real", LIMIT: "scorer_limit"}
_PAIR_BATCHES: Final = 10_000


def measure(report: Report) -> dict[str, Any]:
    """Measure; rates are batches of 50 events a second, ``_core`` ones by CPU time, the others by the clock."""
    with pinned_servers("scorer") as servers:
        return uvloop.run(_measure(servers, report))


@contextmanager
def pinned_servers(name: str) -> Iterator[Addresses]:
    """Give servers on the last core, with this process; the scorer has the first."""
    pin(os.getpid(), cores()[-1])
    try:
        with own_servers(name) as servers:
            pin(servers.kafka_pid, cores()[-1])
            yield servers
    finally:
        os.sched_setaffinity(0, set(cores()))


async def _measure(servers: Addresses, report: Report) -> dict[str, Any]:
    rounds = []
    for turn in range(_ROUNDS):
        found: dict[str, float] = {}
        for module in (LIGHT, LIMIT, REAL):
            found |= await _drain(servers, module)
            report(f"round {turn + 1} of {_ROUNDS}: {found}")
        found |= steps_us()
        judge_us = found["scorer_step_decode_us"] + found["scorer_step_judge_light_us"]
        found["scorer_framework_ms_batch"] = found["scorer_ms_batch"] - judge_us / 1e3
        found["scorer_ratio_to_limit"] = found["scorer_batches_s_core"] / found["scorer_limit_batches_s_core"]
        rounds.append(found)
    figures = medians(rounds)
    report("one and two scorers")
    figures |= await _pair(servers)
    report("latency at 100 batches a second")
    figures |= await verdict_latency(servers, cores()[0])
    return {name: round(value, 4) for name, value in figures.items()}


async def _drain(servers: Addresses, module: str) -> dict[str, float]:
    """Let one process drain a backlog."""
    count, name = _BATCHES_BY_MODULE[module], _NAMES[module]
    async with field_of(servers) as field:
        await field.write(inputs(count, _SUBJECTS))
        cost = await field.cost(count, [field.start(module, cores()[0])])
    return {
        f"{name}_batches_s_core": 1e6 / cost.cpu_us,
        f"{name}_batches_s_clock": 1e6 / cost.wall_us,
        f"{name}_ms_batch": cost.cpu_us / 1e3,
    }


async def _pair(servers: Addresses) -> dict[str, float]:
    """Let one scorer and then two, a core each, drain a backlog. The broker shares the second core."""
    found = {}
    for count in (1, 2):
        async with field_of(servers) as field:
            processes = [field.start(REAL, cores()[number % len(cores())]) for number in range(count)]
            for process in processes:
                await process.ready()
            await field.write(inputs(_PAIR_BATCHES, _SUBJECTS))
            found[count] = await field.cost(_PAIR_BATCHES, processes)
    return {
        "scorer_two_to_one_clock": found[1].wall_us / found[2].wall_us,
        "scorer_two_to_one_core": 2 * found[1].cpu_us / found[2].cpu_us,
    }
