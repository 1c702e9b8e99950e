"""Recordings are cut, joined and chosen from in the same way for every source."""

import gzip
from pathlib import Path

from services.scorer.lab.recordings.recorded import (
    Event,
    Recorded,
    changed,
    joined,
    listed,
    move,
    numbers,
    rows_of,
    sessions_of,
    spread,
    touch,
)


def every(step_ms: float, count: int, start: float = 0.0) -> list[Event]:
    return [move(start + step_ms * index, index, 0) for index in range(count)]


def lengths(events: list[Event], least: int = 2) -> list[int]:
    return [len(session.events) for session in sessions_of("a", "p", events, least)]


def test_a_session_starts_at_nought_in_the_order_of_time() -> None:
    (session,) = sessions_of("a", "p", [move(130, 2, 3), move(100, 1, 1)], least=2)

    assert session == Recorded("a-0", "p", [[0, "move", 1, 1], [30, "move", 2, 3]])


def test_all_kinds_of_events_count_from_the_start() -> None:
    (keys,) = sessions_of("a", "p", [[500, 590, 65], [620, 700, 32]], least=2)
    (taps,) = sessions_of("a", "p", [touch("start", 500, 1, 2, 7, 1.4), touch("end", 580, 1, 2, 7)], least=2)

    assert keys.events == [[0, 90, 65], [120, 200, 32]]
    assert taps.events == [
        {"type": "touch.start", "t": 0, "x": 1, "y": 2, "touch_id": 7, "pressure": 1.0},
        {"type": "touch.end", "t": 80, "x": 1, "y": 2, "touch_id": 7},
    ]


def test_a_minute_a_long_pause_and_many_events_end_a_session() -> None:
    assert lengths(every(1_000, 100)) == [61, 39]  # 0 to 60 s, then the rest
    assert lengths(every(10, 5) + every(10, 4, start=30_040)) == [9]  # 30 s after the last of the five
    assert lengths(every(10, 5) + every(10, 4, start=30_041)) == [5, 4]
    assert lengths(every(1, 1_502)) == [1_500, 2]


def test_too_short_a_session_is_left_out_and_the_others_keep_their_number() -> None:
    found = list(sessions_of("a", "p", every(10, 2) + every(10, 3, start=50_000), least=3))

    assert [(session.name, len(session.events)) for session in found] == [("a-1", 3)]
    assert list(sessions_of("a", "p", [])) == []


def test_trials_follow_each_other_after_a_pause_that_is_always_the_same() -> None:
    trials = [[move(50, 0, 0), move(70, 1, 0)], [], [move(5, 2, 0)]]
    first, second, third = joined("a", trials)

    assert (first, second) == ([0, "move", 0, 0], [20, "move", 1, 0])
    assert isinstance(third, list) and 620 <= third[0] < 10_000
    assert list(joined("a", trials)) == [first, second, third]
    assert list(joined("b", trials))[2] != third


def test_every_person_gives_as_many_sessions_as_the_others_where_there_are_enough() -> None:
    sessions = [
        Recorded(f"{person}-{index}", person, []) for person, count in (("a", 9), ("b", 2)) for index in range(count)
    ]

    kept = spread(sessions, 6)
    assert [session.person for session in kept] == ["a"] * 4 + ["b"] * 2
    assert kept == [session for session in sessions if session in kept]  # in their order
    assert spread(sessions, 6) == kept
    assert spread(sessions, 11) == sessions


def test_a_pointer_at_rest_is_no_event() -> None:
    assert list(changed([(0, 1, 1), (10, 1, 1), (20, 2, 1), (30, 1, 1)])) == [(0, 1, 1), (20, 2, 1), (30, 1, 1)]


def test_only_finite_numbers_are_read() -> None:
    assert numbers("1", 2, "3.5") == (1, 2, 3.5)
    for told in (None, "", "x", "nan", "inf", [1]):
        assert numbers("1", told) is None


def test_lists_in_fields_are_read_whole_or_not_at_all() -> None:
    assert listed("[1, 2.5]") == listed("1,2.5") == [1, 2.5]
    for told in ("", "NA", "[1, None]", "[1, [2]]", "1;2"):
        assert listed(told) == []


def test_a_table_that_breaks_off_is_read_until_there(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(["a,b", *(f"{n},{n * n}" for n in range(9_000))]).encode())
    for name, content in (("whole", whole), ("cut", whole[:-4_000]), ("none", b"a,b\n1,2")):
        (tmp_path / f"{name}.csv.gz").write_bytes(content)

    assert len(list(rows_of(tmp_path / "whole.csv.gz", "a"))) == 9_000
    cut = list(rows_of(tmp_path / "cut.csv.gz", "b", "c"))
    assert cut[:3] == [["0", ""], ["1", ""], ["4", ""]] and len(cut) < 9_000
    assert list(rows_of(tmp_path / "none.csv.gz", "a")) == []
