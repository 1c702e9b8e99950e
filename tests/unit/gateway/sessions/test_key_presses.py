"""Halves of a press become one press."""

import json
from typing import Any

import pytest

from tests.unit.gateway.sessions.kit import MS, made

PRESS = {"type": "key.press", "key_class": "letter"}
KEYS = [
    ([{"key": "a", "timestamp": MS}], [PRESS]),
    ([{"key": "a", "timestamp": MS, "duration": 80}], [PRESS | {"dwell_ms": 80}]),
    ([{"key": "a", "pressedAt": MS, "releasedAt": MS + 80}], [PRESS | {"dwell_ms": 80}]),
    ([{"key": "a", "down": MS, "up": MS + 80}], [PRESS | {"dwell_ms": 80}]),
    (
        [{"key": "a", "type": "keydown", "t": MS}, {"key": "a", "type": "keyup", "t": MS + 80}],
        [PRESS | {"dwell_ms": 80}],
    ),
    ([{"key": "a", "type": "keydown", "t": MS}, {"key": "a", "type": "keypress", "t": MS}], [PRESS]),
    ([{"key": "a", "type": "keypress", "t": MS}], [PRESS]),
    ([{"key": "a", "type": "keyup", "t": MS}, {"key": "b", "t": MS}], [PRESS]),
    ([{"keyClass": "digit", "t": MS}], [{"type": "key.press", "key_class": "digit"}]),
    ([{"t": MS}], [{"type": "key.press", "key_class": "other"}]),
    ([{"key": "a", "pressedAt": MS, "releasedAt": MS - 80}], [PRESS]),
    (  # rollover: the second key goes down before the first comes up
        [
            {"key": "a", "type": "down", "t": MS},
            {"key": "b", "type": "down", "t": MS + 50},
            {"key": "a", "type": "up", "t": MS + 90},
            {"key": "b", "type": "up", "t": MS + 120},
        ],
        [PRESS | {"dwell_ms": 90}, PRESS | {"dwell_ms": 70}],
    ),
    (  # held down until the browser repeats it
        [{"key": "a", "type": kind, "t": MS + after} for kind, after in (("down", 0), ("down", 500), ("up", 600))],
        [PRESS | {"dwell_ms": 600}, PRESS | {"repeat": True}],
    ),
    ([{"key": "a", "type": "down", "t": MS + after} for after in (0, 200)], [PRESS, PRESS]),
]


@pytest.mark.parametrize(("items", "events"), KEYS, ids=lambda one: json.dumps(one)[:70])
def test_halves_of_a_press_are_put_together(items: list[Any], events: list[dict[str, Any]]) -> None:
    for document in ({"keystrokes": items}, {"behaviorData": {"trackingData": {"keystrokes": items}}}):
        assert made(document) == events
    if all(str(item.get("type")).startswith("key") for item in items):
        assert made({"events": items}) == events
