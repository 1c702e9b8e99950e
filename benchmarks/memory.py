"""The scorer's memory with 10,000 live sessions, and how long another needs to have them again."""

from typing import Any

import uvloop

from benchmarks.measuring import Report, cores
from benchmarks.scorer import pinned_servers
from benchmarks.scorer.restoring import restoring


def measure(report: Report) -> dict[str, Any]:
    """Measure; megabytes of resident memory, seconds by the clock."""
    core = cores()[0]
    with pinned_servers("scorer") as servers:
        return uvloop.run(restoring(servers, core, report))
