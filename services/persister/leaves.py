"""Which day's partition a row belongs to. Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from services.persister.reading import Row, Table


class Leaves:
    """The partitions there are.

    Parameters
    ----------
    names
        Their table names: ``<table>_<yyyymmdd>``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._leaf_by_day: dict[tuple[Table, date], str] = {}

    def group(self, table: Table, rows: Iterable[Row]) -> dict[str, list[Row]]:
        """Sort rows by partition; rows of a day that has none go to the default partition."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            key = table, _utc_day(row.values[0])
            leaf = self._leaf_by_day.get(key) or self._find(key)
            groups.setdefault(leaf, []).append(row)
        return dict(sorted(groups.items()))  # two writers lock the counts of several days in the same order

    def _find(self, key: tuple[Table, date]) -> str:
        table, day = key
        named = f"{table}_{day:%Y%m%d}"
        leaf = named if named in self._names else f"{table}_default"
        if len(self._leaf_by_day) > 1_000:  # days come from outside: keep no more than a few years of them
            self._leaf_by_day.clear()
        self._leaf_by_day[key] = leaf
        return leaf


def values_of(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Take the rows' values, in the order of the table's columns."""
    return [row.values for row in rows]


def _utc_day(time: datetime) -> date:
    if time.tzinfo is UTC:
        return time.date()
    try:
        return time.astimezone(UTC).date()
    except OverflowError:  # within a day of the calendar's ends: any day without a partition will do
        return date.min
