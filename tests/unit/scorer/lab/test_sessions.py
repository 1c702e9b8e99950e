"""Outside recordings: whatever their recorder made of them, the usable part is read and the rest is told."""

import gzip
import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.scorer.lab.batching import EARLY_EVENTS, EVENTS_PER_EARLY_BATCH, batches_of, inputs_of
from services.scorer.lab.sessions import STARTED_AT, BadLine, Session, read_sessions, session_of
from services.scorer.pipeline import SESSION_IDLE
from shared.contracts.batch import event_count
from shared.contracts.behavior import KeyPress, PointerDown, PointerMove, PointerTrack, TouchStart


def read(events: list[Any], **facts: Any) -> Session:
    return session_of({"session_id": "one", "events": events, **facts}, "line-1")


def moves(count: int) -> list[Any]:
    return [[16 * index, "move", 100 + index, 200] for index in range(count)]


def test_events_of_the_contract_are_read_as_they_are() -> None:
    session = read([
        {"type": "pointer.move", "occurred_at": "2026-01-01T00:00:00.016Z", "x": 10, "y": 20.5, "pointer": "mouse"},
        {"type": "key.press", "occurred_at": "2026-01-01T00:00:01+02:00", "key_class": "letter", "dwell_ms": 80},
    ])  # fmt: skip

    move, key = session.events
    assert move == PointerMove(occurred_at=STARTED_AT + timedelta(milliseconds=16), x=10, y=20.5, pointer="mouse")
    assert isinstance(key, KeyPress) and key.occurred_at == datetime(2025, 12, 31, 22, 0, 1, tzinfo=UTC)
    assert (session.session_id, session.label, session.refused) == ("one", None, 0)


@pytest.mark.parametrize("name", ["t", "timestamp", "time", "occurred_at"])
@pytest.mark.parametrize(
    ("told", "time"),
    [
        (250, STARTED_AT + timedelta(milliseconds=250)),
        (-5, STARTED_AT - timedelta(milliseconds=5)),
        (1767225600250, STARTED_AT + timedelta(milliseconds=250)),
    ],
)  # fmt: skip
def test_times_may_be_numbers(name: str, told: float, time: datetime) -> None:
    (event,) = read([{"type": "mousemove", name: told, "x": 1, "y": 2}]).events

    assert event.occurred_at == time


def test_tracks_are_told_by_their_list_of_times() -> None:
    (track,) = read([{"type": "pointer.move", "t": [5, 15, 25], "x": [1, 2, 3], "y": [4, 5, 6]}]).tracks

    assert isinstance(track, PointerTrack)
    assert (track.started_at, track.t) == (STARTED_AT + timedelta(milliseconds=5), [0, 10, 20])


BAD: list[Any] = [
    None, 7, "move", [], [1], {}, {"type": "pointer.move"}, {"type": "nothing.known", "t": 1},
    {"type": "pointer.move", "t": 1, "x": math.nan, "y": 1}, {"type": "pointer.move", "t": math.inf, "x": 1, "y": 1},
    {"type": "pointer.move", "t": 1e300, "x": 1, "y": 1}, {"type": "pointer.move", "t": 1, "x": 1e9, "y": 1},
    {"type": "pointer.move", "t": True, "x": 1, "y": 1}, {"type": "pointer.move", "t": "soon", "x": 1, "y": 1},
    {"type": ["pointer.move"], "t": 1, "x": 1, "y": 1}, {"type": "pointer.move", "t": [1, 2], "x": [1], "y": [1, 2]},
    {"type": "pointer.move", "t": [], "x": [], "y": []}, {"type": "form.changed", "t": [1]},
    [0, "PressedTouch", math.nan, math.nan], [0, "scroll", 1, 1], [0, "move", 1, 1, 1], [math.nan, 90, 65],
]  # fmt: skip


@pytest.mark.parametrize("item", BAD, ids=repr)
def test_a_bad_event_is_left_out_and_counted(item: Any) -> None:
    session = read([item, *moves(2)])

    assert (len(session.events), len(session.tracks), session.refused) == (2, 0, 1)


def test_a_lesser_field_that_breaks_the_contract_does_not_cost_the_event() -> None:
    (event,) = read([{"type": "pointer.down", "t": 1, "x": 1, "y": 2, "target": "#buy > a", "weather": "fair"}]).events

    assert isinstance(event, PointerDown) and event.target is None


def test_rows_are_read_too() -> None:
    session = read([[0, "PressedTouch", 5, 5], [0, 90, 65], [150, 240, 66]])

    touch, *keys = session.events
    assert isinstance(touch, TouchStart)
    assert [key.dwell_ms for key in keys if isinstance(key, KeyPress)] == [90, 90]


@pytest.mark.parametrize(
    ("places", "screen", "x", "y"),
    [
        ((0.5, 0.25), [800, 600], 400.0, 150.0),
        ((0.5, 0.25), None, 800.0, 225.0),
        ((50.5, 25.0), None, 808.0, 225.0),
        ((32768, 32768), None, 800.0, 450.0),
        ((640, 480), [800, 600], 640.0, 480.0),
        ((0.5, 0.25), ["wide", None], 800.0, 225.0),
    ],
)
def test_any_unit_of_screen_becomes_pixels(places: tuple[float, float], screen: Any, x: float, y: float) -> None:
    event, *_ = read(
        [{"type": "pointer.move", "t": n, "x": places[0], "y": places[1]} for n in range(20)], screen=screen
    ).events

    assert isinstance(event, PointerMove)
    assert (event.x, event.y) == pytest.approx((x, y))


@pytest.mark.parametrize("packed", [True, False])
def test_bad_lines_are_told_and_passed_over(tmp_path: Path, packed: bool) -> None:
    lines = [b'{"session_id": "a", "events": [[0, "move", 5, NaN], [1, "move", 5, 6]]}', b"", b"{", b"\xff\xfe", b"[1]",
             b"[" * 5_000, b'{"session_id": "b"}', json.dumps({"label": "bot", "events": []}).encode()]  # fmt: skip
    path = tmp_path / "sessions"
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if packed else data)

    found = list(read_sessions(path))

    assert [item.number for item in found if isinstance(item, BadLine)] == [3, 4, 5, 6, 7]
    assert [(item.session_id, item.label) for item in found if isinstance(item, Session)] == [
        ("a", None),
        ("line-8", "bot"),
    ]


def test_a_file_that_breaks_off_gives_what_was_there(tmp_path: Path) -> None:
    whole = gzip.compress(
        b"".join(json.dumps({"session_id": n, "events": moves(9)}).encode() + b"\n" for n in range(400))
    )
    path = tmp_path / "sessions.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])

    found = list(read_sessions(path))

    assert isinstance(found[-1], BadLine) and "breaks off" in found[-1].why
    assert all(isinstance(item, Session) for item in found[:-1])


def test_batches_are_small_at_first_and_hold_everything_in_order() -> None:
    track = {"type": "pointer.move", "t": [4 + 16 * n for n in range(100)], "x": [1.0] * 100, "y": [2.0] * 100}
    session = read([*reversed(moves(100)), track])

    batches = list(batches_of(session))

    sizes = [event_count(batch) for batch in batches]
    assert sizes[: EARLY_EVENTS // EVENTS_PER_EARLY_BATCH] == [EVENTS_PER_EARLY_BATCH] * 5
    assert sum(sizes) == 200
    times = [
        [e.occurred_at for e in b.events] + [t.started_at + timedelta(milliseconds=m) for t in b.tracks for m in t.t]
        for b in batches
    ]
    assert all(max(one) <= min(other) for one, other in pairwise(times))
    assert len({batch.batch_id for batch in batches}) == len(batches)


def test_a_pause_never_ends_a_recorded_session() -> None:
    hours = [[0, "move", 1, 1], *[[36_000_000 + n, "move", n, 1] for n in range(30)]]

    received = [item.received_at for item in inputs_of(read(hours))]

    assert max(later - earlier for earlier, later in pairwise(received)) <= SESSION_IDLE
