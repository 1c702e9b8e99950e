"""What a batch costs the scorer as live sessions and partitions grow."""

from typing import Any

import uvloop

from benchmarks.measuring import Report, cores
from benchmarks.scorer import pinned_servers
from benchmarks.scorer.growth import growing


def measure(report: Report) -> dict[str, Any]:
    """Measure; milliseconds of CPU a batch of 50 events."""
    core = cores()[0]
    with pinned_servers("scorer") as servers:
        return uvloop.run(growing(servers, core, report))
