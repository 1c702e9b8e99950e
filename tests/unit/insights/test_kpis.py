"""KPI arithmetic: windows cover what was asked, sums stay sums, rates stay shares."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.insights.kpis import (
    ACTIONS,
    LENGTH,
    MAX_POINTS,
    MAX_RANGE,
    Step,
    Tally,
    Window,
    WindowError,
    series,
    step_start,
    total,
    window,
)

START = datetime(2026, 3, 1, 17, 45, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 17, 45, 12, 345, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

minutes = st.integers(0, 3_000_000).map(lambda n: START + n * MINUTE)
steps = st.sampled_from(Step)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    step = draw(steps)
    start = draw(minutes)
    longest = min(MAX_RANGE, LENGTH[step] * MAX_POINTS) // MINUTE
    return window(start, start + draw(st.integers(1, longest)) * MINUTE, step, now=NOW)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    verdicts = draw(st.dictionaries(st.sampled_from(ACTIONS), st.integers(0, 1_000)))
    # Eighths add up without rounding, so sums can be compared exactly.
    risk_sum = draw(st.integers(0, 8 * sum(verdicts.values()))) / 8
    counts = st.integers(0, 10**9)
    reasons = st.dictionaries(st.sampled_from(["FIRST", "SECOND", "THIRD"]), st.integers(1, 1_000))
    return Tally(draw(counts), draw(counts), draw(counts), verdicts, risk_sum, draw(reasons))


def copied(tally: Tally) -> Tally:
    return total([tally])


@given(windows())
def test_whole_hours_leave_less_than_an_hour_at_each_end_to_minutes(asked: Window) -> None:
    first, last = asked.whole_hours()
    assert asked.start <= first <= last <= asked.end
    if first < last:
        assert asked.step is not Step.MINUTE
        assert first == step_start(first, Step.HOUR)
        assert last == step_start(last, Step.HOUR)
        assert first - asked.start < timedelta(hours=1) > asked.end - last
    else:
        assert asked.step is Step.MINUTE or asked.end - asked.start < timedelta(hours=2)


@given(windows())
def test_points_cover_the_window_without_gap_or_overlap(asked: Window) -> None:
    edges = asked.edges()
    assert (edges[0], edges[-1]) == (asked.start, asked.end)
    assert all(before < after for before, after in pairwise(edges))
    assert all(step_start(edge, asked.step) == edge for edge in edges[1:-1])
    assert all(after - before <= LENGTH[asked.step] for before, after in pairwise(edges))


@given(windows(), st.data())
def test_totals_are_the_sum_of_the_series_and_of_what_was_counted(asked: Window, data: st.DataObject) -> None:
    at = st.sampled_from([step_start(edge, asked.step) for edge in asked.edges()[:-1]])
    counted = data.draw(st.dictionaries(at, tallies(), max_size=8))
    points = series(asked, counted)
    assert len(points) == len(asked.edges()) - 1
    assert total(tally for _, _, tally in points) == total(counted.values())


@given(st.lists(tallies(), max_size=6))
def test_the_order_of_adding_does_not_matter(parts: list[Tally]) -> None:
    assert total(parts) == total(reversed(parts))
    assert total([total(parts[:2]), total(parts[2:])]) == total(parts)


@given(tallies(), tallies())
def test_adding_leaves_the_other_tally_alone(one: Tally, other: Tally) -> None:
    before = copied(other)
    one.add(other)
    one.add(other)
    assert other == before


@given(st.dictionaries(st.integers(0, 4_000).map(lambda n: START + n * MINUTE), tallies(), max_size=12))
def test_hours_are_the_sum_of_their_minutes(by_minute: dict[datetime, Tally]) -> None:
    asked = Window(START, START + timedelta(minutes=4_001), Step.HOUR)
    by_hour: dict[datetime, Tally] = {}
    for at, tally in by_minute.items():
        by_hour.setdefault(step_start(at, Step.HOUR), Tally()).add(tally)
    for start, end, hour in series(asked, by_hour):
        assert hour == total(tally for at, tally in by_minute.items() if start <= at < end)


@given(tallies())
def test_rates_are_shares_of_the_verdicts(tally: Tally) -> None:
    rates = [tally.rate(action) for action in ACTIONS]
    if tally.verdict_count == 0:
        assert rates == [None] * len(ACTIONS)
        assert tally.mean_risk is None
    else:
        known = [rate for rate in rates if rate is not None]
        assert sum(known) == pytest.approx(1)
        assert tally.mean_risk == tally.risk_sum / tally.verdict_count
        assert 0 <= tally.mean_risk <= 1


def test_a_sum_of_rounded_risks_never_gives_a_mean_above_one() -> None:
    assert Tally(verdicts={"BLOCK": 3}, risk_sum=3.0000000000000004).mean_risk == 1.0


@given(minutes.map(lambda time: time + timedelta(seconds=17)), steps)
def test_a_step_holds_its_time(time: datetime, step: Step) -> None:
    start = step_start(time, step)
    assert start <= time < start + LENGTH[step]
    assert step_start(start, step) == start


def test_without_a_range_the_hour_up_to_the_end_of_the_current_minute_is_meant() -> None:
    assert window(None, None, Step.MINUTE, now=NOW) == Window(
        datetime(2026, 3, 1, 16, 46, tzinfo=UTC), datetime(2026, 3, 1, 17, 46, tzinfo=UTC), Step.MINUTE
    )


def test_other_time_zones_are_brought_to_utc() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    asked = window(START.astimezone(kathmandu), None, Step.MINUTE, now=NOW.astimezone(kathmandu))
    assert asked.start.tzinfo is UTC
    assert asked.start == START


@pytest.mark.parametrize(
    ("start", "end", "step", "parameter", "code"),
    [
        (START, START, Step.MINUTE, "from", "empty_range"),
        (START + MINUTE, START, Step.MINUTE, "from", "empty_range"),
        (START + timedelta(seconds=1), START + MINUTE, Step.MINUTE, "from", "not_a_whole_minute"),
        (START, START + timedelta(microseconds=1), Step.MINUTE, "to", "not_a_whole_minute"),
        (START, START + MAX_RANGE + MINUTE, Step.DAY, "from", "range_too_long"),
        (START, START + (MAX_POINTS + 1) * MINUTE, Step.MINUTE, "step", "too_many_points"),
        (datetime(1, 1, 1, tzinfo=UTC), START, Step.DAY, "from", "not_a_whole_minute"),
        (
            START,
            datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=14))),
            Step.DAY,
            "to",
            "not_a_whole_minute",
        ),
    ],
)
def test_a_range_that_is_not_answered_names_the_parameter(
    start: datetime, end: datetime, step: Step, parameter: str, code: str
) -> None:
    with pytest.raises(WindowError) as caught:
        window(start, end, step, now=NOW)
    assert (caught.value.parameter, caught.value.code) == (parameter, code)


def test_the_longest_series_is_answered() -> None:
    assert len(window(START, START + MAX_POINTS * MINUTE, Step.MINUTE, now=NOW).edges()) == MAX_POINTS + 1
