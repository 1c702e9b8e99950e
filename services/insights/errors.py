"""The problems of insights' routes."""

from collections.abc import Sequence
from typing import Final

from shared.problems import INVALID_PARAMETER, Problem

RETRY_AFTER_S: Final = 2
EXAMPLE_TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"


def invalid(items: Sequence[tuple[str, str, str]], place: str = "query") -> Problem:
    """Make the problem of parameters in one place, each given by name, code and detail."""
    errors = [{"pointer": f"/{place}/{name}", "code": code, "detail": detail} for name, code, detail in items]
    return Problem(INVALID_PARAMETER, errors=errors)
