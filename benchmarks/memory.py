"""Memory of the services, each by its own module."""

from typing import Any, Final

from benchmarks import memory_scorer
from benchmarks.measuring import Report

_PARTS: Final = (memory_scorer,)


def measure(report: Report) -> dict[str, Any]:
    """Measure every part; see each module for its units."""
    return {name: value for part in _PARTS for name, value in part.measure(report).items()}
