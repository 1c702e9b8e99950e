"""KPI arithmetic: time windows, zero-filled series, totals, means and rates. Pure.

A count belongs to one UTC minute. Counts add up, so an hour is a sum of minutes, any step is a sum of both, and the
totals are a sum of the series; means and rates are derived last, from sums.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, get_args

from shared.contracts.verdict import Action

ACTIONS: Final[tuple[str, ...]] = get_args(Action)
MAX_POINTS: Final = 1_500  # a day of minutes, and some
MAX_RANGE: Final = timedelta(days=92)
_DEFAULT_RANGE: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


class Step(StrEnum):
    """Length of one point of a series; every step starts on its UTC boundary."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LENGTH: Final = {Step.MINUTE: _MINUTE, Step.HOUR: _HOUR, Step.DAY: timedelta(days=1)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WindowError(ValueError):
    """A range of time that is not answered: tell the caller.

    Parameters
    ----------
    parameter
        Name of the parameter to mend.
    code
        Stable, machine-readable reason.
    detail
        One sentence for a person.
    """

    def __init__(self, parameter: str, code: str, detail: str) -> None:
        super().__init__(f"{code} in {parameter}: {detail}")
        self.parameter = parameter
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of whole UTC minutes, ``[start, end)``, cut in steps."""

    start: datetime
    end: datetime
    step: Step

    def edges(self) -> list[datetime]:
        """Give where each point starts, and the window's end. The first and the last point may be cut short."""
        edges = [self.start]
        while (after := step_start(edges[-1], self.step) + LENGTH[self.step]) < self.end:
            edges.append(after)
        return [*edges, self.end]

    def whole_hours(self) -> tuple[datetime, datetime]:
        """Give the range within the window that counts by hour answer: empty, at its start, when minutes must.

        >>> at = datetime(2026, 3, 1, 17, 45, tzinfo=UTC)
        >>> [hour.hour for hour in Window(at, at + timedelta(hours=3), Step.HOUR).whole_hours()]
        [18, 20]
        """
        first = -(-(self.start - _EPOCH) // _HOUR) * _HOUR + _EPOCH
        last = step_start(self.end, Step.HOUR)
        return (self.start, self.start) if self.step is Step.MINUTE or first >= last else (first, last)


def step_start(time: datetime, step: Step) -> datetime:
    """Give the start of the step a UTC time lies in.

    >>> step_start(datetime(2026, 3, 1, 17, 45, tzinfo=UTC), Step.HOUR).isoformat()
    '2026-03-01T17:00:00+00:00'
    """
    return time - (time - _EPOCH) % LENGTH[step]


def window(start: datetime | None, end: datetime | None, step: Step, *, now: datetime) -> Window:
    """Check a range of time and fill in what is not given: the hour up to the end of the current minute.

    Raises
    ------
    WindowError
        When the range is not of whole minutes, empty, too long, or has too many points.
    """
    end = step_start(now.astimezone(UTC), Step.MINUTE) + _MINUTE if end is None else _whole_minute("to", end)
    start = end - _DEFAULT_RANGE if start is None else _whole_minute("from", start)
    if start >= end:
        raise WindowError("from", "empty_range", "'from' must be before 'to'")
    if end - start > MAX_RANGE:
        raise WindowError("from", "range_too_long", f"the range may be at most {MAX_RANGE.days} days")
    if (end - start) / LENGTH[step] > MAX_POINTS:
        raise WindowError("step", "too_many_points", f"a series has at most {MAX_POINTS} points; take a longer step")
    return Window(start, end, step)


def _whole_minute(parameter: str, time: datetime) -> datetime:
    try:
        time = time.astimezone(UTC)
        if step_start(time, Step.MINUTE) == time and _EPOCH <= time < datetime.max.replace(tzinfo=UTC) - MAX_RANGE:
            return time
    except OverflowError:
        pass
    raise WindowError(parameter, "not_a_whole_minute", "a whole minute since 1970, such as 2026-03-01T17:45:00Z")


@dataclass(slots=True)
class Tally:
    """Counts that add up."""

    batches: int = 0
    events: int = 0
    dead_letters: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)  # by action
    risk_sum: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)  # by reason code

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.batches += other.batches
        self.events += other.events
        self.dead_letters += other.dead_letters
        self.risk_sum += other.risk_sum
        for mine, theirs in ((self.verdicts, other.verdicts), (self.reasons, other.reasons)):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count

    @property
    def verdict_count(self) -> int:
        """Verdicts of every action."""
        return sum(self.verdicts.values())

    @property
    def mean_risk(self) -> float | None:
        """Mean risk score, 0..1; of no verdicts there is none."""
        return min(1.0, self.risk_sum / count) if (count := self.verdict_count) else None

    def rate(self, action: str) -> float | None:
        """Share of verdicts with this action, 0..1; of no verdicts there is none."""
        return self.verdicts.get(action, 0) / count if (count := self.verdict_count) else None


def series(window: Window, tallies: Mapping[datetime, Tally]) -> list[tuple[datetime, datetime, Tally]]:
    """Lay tallies, by the start of their step, out as one point a step, with zeros where nothing happened.

    A point is its start, its end and its tally.
    """
    edges = window.edges()
    points = [(start, end, Tally()) for start, end in pairwise(edges)]
    by_step = {step_start(start, window.step): tally for start, _, tally in points}
    for at, found in tallies.items():
        by_step[at].add(found)
    return points


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    summed = Tally()
    for tally in tallies:
        summed.add(tally)
    return summed
