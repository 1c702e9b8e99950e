"""What a unit of work costs as everything grows, each by its own module."""

from typing import Any, Final

from benchmarks import growth_gateway, growth_persister, growth_scorer
from benchmarks.measuring import Report

_PARTS: Final = (growth_gateway, growth_scorer, growth_persister)


def measure(report: Report) -> dict[str, Any]:
    """Measure every part; see each module for its units."""
    return {name: value for part in _PARTS for name, value in part.measure(report).items()}
