"""Times without a date count from an origin, stated or found."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.sessions.posting import make_item
from services.gateway.sessions.reading import read_behaviour
from tests.unit.gateway.sessions.kit import AT, MS, NOW, SUBJECT, read


@pytest.mark.parametrize(
    ("origin", "stated"),
    [(AT, {}), (None, {"time_origin": MS}), (None, {"timeOrigin": AT.isoformat()}), (NOW, {"startTime": MS / 1000})],
)
def test_relative_times_count_from_the_stated_origin_else_from_the_session(origin: Any, stated: dict[str, Any]) -> None:
    behaviour = read({"mouse": [{"x": 1, "y": 2, "t": 40}]} | stated, origin)
    assert behaviour.events[0]["occurred_at"] == AT + timedelta(milliseconds=40)


def test_without_any_origin_the_latest_is_now_and_distances_stay() -> None:
    behaviour = read({"mouse": [{"x": 1, "y": 2, "t": 40}], "keystrokes": [{"key": "a", "t": 1040}]})
    assert [event["occurred_at"] for event in behaviour.events] == [NOW - timedelta(seconds=1), NOW]


@pytest.mark.parametrize(
    ("latest_ms", "origin"),
    [(5_000, AT), (30_000, AT), (600_000, NOW - timedelta(minutes=10))],
)
def test_relative_times_count_from_the_session_or_from_before_it_and_never_lead(
    latest_ms: float, origin: datetime
) -> None:
    document = {"mouse": [{"x": 1, "y": 2, "t": offset} for offset in (0, latest_ms)]}
    behaviour = read_behaviour(document, NOW, None, AT)
    assert behaviour.origin == origin
    assert [event["occurred_at"] - origin for event in behaviour.events] == [
        timedelta(0),
        timedelta(milliseconds=latest_ms),
    ]


def test_a_track_may_start_at_a_relative_time() -> None:
    document = {
        "tracks": [{"type": "scroll", "started_at": 5_000, "t": [0], "y": [1]}],
        "mouse": [{"x": 1, "y": 2, "t": 7_000}],
    }
    behaviour = read_behaviour(document, NOW, None, AT)
    assert behaviour.tracks[0]["started_at"] == AT + timedelta(seconds=5)
    make_item(document, behaviour, uuid4(), SUBJECT, NOW)
