"""Recordings are read line by line; what is none is told with its place and stops nothing."""

import gzip
import io
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telltale._cli import recorded
from telltale._cli.recorded import RecordedBatch, RecordedSession, count, moved, read, span, timed_pieces

AT = "2026-03-01T12:00:00Z"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCROLL = {"type": "scroll", "occurred_at": AT, "y": 1}
TRACK = {"type": "pointer.move", "started_at": AT, "t": [0, 400, 600], "x": [1, 2, 3], "y": [4, 5, 6], "pointer": "pen"}
SESSION = {"session_id": "a", "label": "human", "group": "mouse", "events": [SCROLL, TRACK]}
BATCH = {
    "batch_id": "01936f2e-0000-7000-8000-000000000001",
    "domain": "behavior",
    "subject": {"type": "session", "id": "s-1"},
    "sent_at": AT,
    "events": [SCROLL],
    "tracks": [TRACK],
}


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_sessions_and_batches_are_told_apart(pack: Any) -> None:
    (_, session), (number, batch) = read(io.BytesIO(pack(lines(SESSION) + b"\n" + lines(BATCH))))
    assert session == RecordedSession("a", "human", "mouse", [SCROLL, TRACK])
    assert isinstance(batch, RecordedBatch)
    assert (number, str(batch.batch_id), batch.key.subject_id) == (3, BATCH["batch_id"], "s-1")
    assert [(item.event_count, item.is_track) for item in batch.items] == [(1, False), (3, True)]


def test_tracks_of_a_session_may_stand_in_their_own_list() -> None:
    [(_, session)] = read(io.BytesIO(lines({"session_id": "a", "events": [SCROLL], "tracks": [TRACK]})))
    assert session == RecordedSession("a", None, "-", [SCROLL, TRACK])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "neither a session nor a batch"),
        (b"[]", "neither"),
        (b'{"session_id": 1, "events": []}', "neither"),
        (b'{"events": []}', "session_id"),
        (b'{"session_id": "a", "events": []}', "no events"),
        (b'{"subject": {"type": "session", "id": "s"}}', "no events"),
        (lines({**SESSION, "events": [{"type": "scroll", "y": 1}]}), "occurred_at"),
        (lines({**SESSION, "events": [{"y": 1, "occurred_at": AT}]}), "type"),
        (lines({**SESSION, "events": [{**SCROLL, "occurred_at": "noon"}]}), "noon"),
        (lines({**SESSION, "events": [{**SCROLL, "occurred_at": "2026-03-01T12:00:00"}]}), "zone"),
        (lines({**SESSION, "events": [{**TRACK, "t": []}]}), "not empty"),
        (lines({**SESSION, "events": [{**TRACK, "t": [1, 2, "x"]}]}), "neither"),
        (lines({**SESSION, "events": [{**TRACK, "x": [1]}]}), "equal length"),
        (lines({**BATCH, "events": [{"type": "scroll", "y": 1}]}), "occurred_at"),
        (b"[" * 100_000, "neither"),
        (b"\xff\xfe", "neither"),
    ],
)
def test_what_is_no_recording_is_told_and_passed_over(line: bytes, why: str) -> None:
    (number, told), (_, after) = read(io.BytesIO(line.strip() + b"\n" + lines(SESSION)))
    assert number == 1
    assert isinstance(told, str) and why in told
    assert isinstance(after, RecordedSession)


def test_a_file_that_breaks_off_is_told_after_what_it_held() -> None:
    packed = gzip.compress(os.urandom(100).hex().encode() + b"\n" + lines(SESSION) * 50)
    *before, (number, last) = read(io.BytesIO(packed[:-20]))
    assert isinstance(last, str) and "breaks off" in last
    assert number == len(before) + 1


def test_a_line_without_end_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "_MAX_LINE_BYTES", 1_024)
    (_, first), (_, last) = read(io.BytesIO(lines(SESSION) + b"x" * 5_000 + lines(SESSION)))
    assert isinstance(first, RecordedSession)
    assert isinstance(last, str) and "longer than" in last


def test_events_and_samples_are_counted() -> None:
    assert count([SCROLL, TRACK]) == 4


def test_a_session_reaches_from_its_first_to_its_last_moment_and_can_be_moved() -> None:
    items: list[dict[str, Any]] = [{**SCROLL, "occurred_at": "2026-03-01T12:00:00.250Z"}, TRACK]
    assert span(items) == (START, START + timedelta(milliseconds=600))
    later = moved(items, timedelta(hours=1))
    assert span(later) == (START + timedelta(hours=1), START + timedelta(hours=1, milliseconds=600))
    assert later[1]["t"] == [0, 400, 600]


def test_pieces_come_by_the_time_they_were_complete() -> None:
    pieces = timed_pieces([TRACK, {**SCROLL, "occurred_at": "2026-03-01T12:00:00.500Z"}])
    assert [(time - START) / timedelta(milliseconds=1) for time, _ in pieces] == [400, 500, 600]
    first, scroll, last = [piece for _, piece in pieces]
    assert (first["t"], first["x"], first["y"], first["pointer"]) == ([0, 400], [1, 2], [4, 5], "pen")
    assert (last["t"], last["x"], last["started_at"]) == ([600], [3], AT)
    assert scroll["type"] == "scroll"
