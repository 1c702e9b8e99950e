"""Cohorts show what makes them hard to judge."""

from itertools import pairwise
from typing import Any

import numpy as np

from services.scorer.lab.simulate.families import FAMILIES
from services.scorer.lab.simulate.sessions import simulate

SESSIONS = 25
Event = dict[str, Any]


def events_of(name: str) -> list[Event]:
    return [event for index in range(SESSIONS) for event in simulate(name, 4, index)["events"]]


def of_type(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def test_a_password_manager_fills_fields() -> None:
    methods = {event.get("method") for event in of_type(events_of("password_manager"), "form.changed")}

    assert {"autofilled", "pasted"} <= methods


def test_a_screen_reader_clicks_where_no_pointer_was() -> None:
    events = events_of("screen_reader")

    assert of_type(events, "pointer.down") and not of_type(events, "pointer.move")


def test_who_has_only_keys_sends_no_pointer() -> None:
    for name in ("keyboard_only", "fast_typist", "slow_typist"):
        kinds = {event["type"] for event in events_of(name)}
        assert "key.press" in kinds and not any(kind.startswith(("pointer", "touch")) for kind in kinds)


def test_phones_have_fingers_and_no_mouse() -> None:
    kinds = {event["type"] for event in events_of("touch")}

    assert {"touch.start", "touch.move", "touch.end"} <= kinds
    assert not any(kind.startswith("pointer") for kind in kinds)


def test_mouse_keys_go_in_eight_directions() -> None:
    steps = []
    for index in range(SESSIONS):
        moves = [e for e in simulate("mouse_keys", 4, index)["events"] if e["type"] == "pointer.move" and "t" not in e]
        steps += [(b["x"] - a["x"], b["y"] - a["y"]) for a, b in pairwise(moves)]
    dx, dy = np.abs(np.array(steps)).T
    along = (np.minimum(dx, dy) <= 1.01) | (np.abs(dx - dy) <= 1.01)

    assert len(steps) > 200 and along.mean() > 0.95


def test_a_privacy_browser_tells_little() -> None:
    told = [event for index in range(80) for event in simulate("privacy_browser", 4, index)["events"]]
    facts = of_type(told, "device.fingerprint")

    assert facts
    assert all(
        fact["timezone"] == "UTC" and "plugin_count" not in fact and fact["webdriver"] is False for fact in facts
    )


def test_people_never_leave_traces_of_a_driver() -> None:
    assert {family.honesty for family in FAMILIES.values() if family.label == "human"} == {"honest", "private"}


def test_agents_think_for_seconds_and_jump() -> None:
    gaps = []
    for index in range(SESSIONS):
        moves = [e for e in simulate("screenshot_agent", 4, index)["events"] if e["type"] == "pointer.move"]
        starts = [np.datetime64(e.get("occurred_at", e.get("started_at"))[:26]) for e in moves]
        gaps += (np.diff(np.array(starts)) / np.timedelta64(1, "s")).tolist()

    assert np.median(gaps) > 1.5
