"""What is wrong, by kind: every finding is a line that names what it is about."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

SHOWN: Final = 20
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

# Every one of these must be empty. The first five are the books of what clients were told.
KINDS: Final = (
    "lost",
    "duplicated",
    "state_mismatches",
    "verdict_mismatches",
    "kpi_mismatches",
    "unbalanced",
    "given_up",
    "missed_acts",
)


class Findings:
    """Lines by kind."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {kind: [] for kind in KINDS}

    def add(self, kind: str, lines: Iterable[str]) -> int:
        """Note lines of one kind; give how many there were."""
        before = len(self._lines[kind])
        self._lines[kind].extend(lines)
        return len(self._lines[kind]) - before

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {kind: len(lines) for kind, lines in self._lines.items()}

    def shown(self) -> Iterable[str]:
        """Give the first lines of every kind that has any."""
        for kind, lines in self._lines.items():
            yield from (f"{kind}: {line}" for line in lines[:SHOWN])
            if len(lines) > SHOWN:
                yield f"{kind}: and {len(lines) - SHOWN} more"


def repeated(what: str, ids: Mapping[_Key, int]) -> list[str]:
    """Name what is there more than once.

    >>> repeated("row of batch", {"a": 1, "b": 3})
    ['row of batch b is there 3 times']
    """
    return [f"{what} {one} is there {count} times" for one, count in ids.items() if count > 1]


def absent(what: str, wanted: Iterable[_Key], *places: Iterable[_Key]) -> list[str]:
    """Name what is in none of the places.

    >>> absent("batch", ["a", "b"], {"a"}, set())
    ['batch b']
    """
    found: set[_Key] = set().union(*places)
    return [f"{what} {one}" for one in wanted if one not in found]


def different(what: str, wanted: Mapping[_Key, _Value], found: Mapping[_Key, _Value]) -> list[str]:
    """Name what is not as it should be, on either side.

    >>> different("state", {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    ['state b is not as replayed', 'state c should not be there']
    """
    lines = []
    for key in {**wanted, **found}:
        if key not in wanted:
            lines.append(f"{what} {key} should not be there")
        elif key not in found:
            lines.append(f"{what} {key} is not there")
        elif wanted[key] != found[key]:
            lines.append(f"{what} {key} is not as replayed")
    return lines
