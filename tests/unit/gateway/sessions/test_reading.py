"""Every spelling that is taken becomes the same event; what is not known goes no further."""

import json
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.sessions.posting import decode_document, make_item, redacted
from shared.contracts.behavior import AnyBehaviorEvent
from shared.problems import Problem
from tests.unit.gateway.sessions.kit import AT, MS, NOW, SUBJECT, made, read, refusal

MOVE = {"type": "pointer.move", "x": 3, "y": 4}
SPELLINGS: list[tuple[Any, list[dict[str, Any]]]] = [
    ({"events": [{"type": "mousemove", "x": 3, "y": 4, "timestamp": MS}]}, [MOVE]),
    ({"events": [{"type": "pointer.move", "x": 3, "y": 4, "occurred_at": AT.isoformat()}]}, [MOVE]),
    ({"events": [{"type": "mouse", "action": "move", "clientX": 3, "clientY": 4, "t": MS}]}, [MOVE]),
    ({"events": [{"event_type": "mouse_move", "data": {"x": 3, "y": 4}, "timestamp": MS}]}, [MOVE]),
    ({"mouse": [{"x": 3, "y": 4, "timestamp": MS}]}, [MOVE]),
    ({"mouse": [{"pageX": 9, "clientX": 3, "y": 4, "t": MS, "type": "move", "pressure": 1}]}, [MOVE]),
    ({"data": {"mouseMovements": [{"x": 3, "y": 4, "time": MS}]}}, [MOVE]),
    ([{"type": "pointermove", "x": 3, "y": 4, "timeStamp": MS}], [MOVE]),
    ({"mouse": [{"x": 3, "y": 4, "t": MS, "isTrusted": False}]}, [MOVE | {"trusted": False}]),
    ({"mouse": [{"x": 3, "y": 4, "t": MS, "type": "down"}]}, [MOVE | {"type": "pointer.down"}]),
    (
        {"mouse": [{"x": 3, "y": 4, "t": MS, "type": "mouseup", "button": 2}]},
        [MOVE | {"type": "pointer.up", "button": 2}],
    ),
    ({"mouse": [{"x": 3, "y": 4, "t": MS, "type": "click"}]}, [MOVE | {"type": "pointer.down"}]),
    ({"clicks": [{"x": 3, "y": 4, "t": MS}]}, [MOVE | {"type": "pointer.down"}]),
    (
        {
            "mouse": [
                {"x": 3, "y": 4, "t": MS + index, "type": kind} for index, kind in enumerate(("down", "up", "click"))
            ]
        },
        [MOVE | {"type": "pointer.down"}, MOVE | {"type": "pointer.up"}],
    ),
    ({"events": [{"type": "scroll", "scrollY": 240, "timestamp": MS}]}, [{"type": "scroll", "y": 240}]),
    (
        {"scroll": [{"y": 240, "x": 1, "t": MS, "source": "wheel"}]},
        [{"type": "scroll", "y": 240, "x": 1, "source": "wheel"}],
    ),
    (
        {"touch": [{"type": "touchstart", "x": 3, "y": 4, "identifier": 1, "force": 0.5, "t": MS}]},
        [{"type": "touch.start", "x": 3, "y": 4, "touch_id": 1, "pressure": 0.5}],
    ),
    (
        {"touch": [{"type": "touchcancel", "x": 3, "y": 4, "t": MS}]},
        [{"type": "touch.end", "x": 3, "y": 4, "cancelled": True}],
    ),
    (
        {"events": [{"type": "focus", "target": "email", "timestamp": MS}]},
        [{"type": "focus.gained", "target": "email"}],
    ),
    ({"blur": [{"timestamp": MS}]}, [{"type": "focus.lost"}]),
    ({"focus": [{"type": "blur", "timestamp": MS}]}, [{"type": "focus.lost"}]),
    ({"events": [{"type": "mouse_move", "position": {"x": 3, "y": 4}, "timestamp": MS}]}, [MOVE]),
    (
        {"mouse": [{"x": 3, "y": 4, "t": MS, "type": "down", "button": "right"}]},
        [MOVE | {"type": "pointer.down", "button": 2}],
    ),
    (
        {"touch": [{"type": "touchmove", "touches": [{"clientX": 3, "clientY": 4}], "t": MS}]},
        [{"type": "touch.move", "x": 3, "y": 4}],
    ),
    ({"visibility": [{"hidden": True, "t": MS}]}, [{"type": "visibility.changed", "state": "hidden"}]),
    (
        {"events": [{"type": "visibilitychange", "state": "visible", "t": MS}]},
        [{"type": "visibility.changed", "state": "visible"}],
    ),
    (
        {"clipboard": [{"action": "paste", "text": "12345", "t": MS}]},
        [{"type": "clipboard.used", "action": "paste", "length": 5}],
    ),
    (
        {"events": [{"type": "paste", "t": MS, "target": "code"}]},
        [{"type": "clipboard.used", "action": "paste", "target": "code"}],
    ),
    (
        {
            "formInteractions": [
                {"type": "change", "fieldName": "email", "inputType": "insertFromPaste", "value": "ab", "t": MS}
            ]
        },
        [{"type": "form.changed", "field": "email", "method": "pasted", "length": 2}],
    ),
    (
        {"form": [{"type": "autofill", "field": "email", "t": MS}]},
        [{"type": "form.changed", "field": "email", "method": "autofilled"}],
    ),
    (
        {
            "formInteractions": [
                {"fieldName": "a", "interactionType": "focus", "t": MS},
                {"type": "click", "field": "a"},
            ]
        },
        [{"type": "focus.gained", "target": "a"}],
    ),
    ({"form": [{"type": "email", "t": MS}]}, [{"type": "form.changed", "field": "unnamed"}]),
    (
        {"form": [{"type": "submit", "form": "login", "fields": ["a", "b"], "t": MS}]},
        [{"type": "form.submitted", "form": "login", "field_count": 2}],
    ),
    (
        {
            "fingerprint": {
                "userAgent": 'Mozilla/5.0 "x"',
                "screen": {"width": 10, "height": 20},
                "language": "en",
                "plugins": ["a"],
                "webdriver": True,
                "canvas": "f00",
            }
        },
        [
            {
                "type": "device.fingerprint",
                "user_agent": "Mozilla/5.0 _x_",
                "screen_width": 10,
                "screen_height": 20,
                "languages": ["en"],
                "plugin_count": 1,
                "webdriver": True,
            }
        ],
    ),
    (
        {"network": {"asn": "AS15169", "country": "us", "type": "hosting", "rtt": 12, "ip": "192.0.2.1"}},
        [{"type": "network.facts", "asn": 15169, "country": "US", "network_type": "datacenter", "rtt_ms": 12}],
    ),
    (
        {"fingerprint": {"userAgentData": {"brands": [{"brand": "Not?A_Brand", "version": "8"}], "platform": "Linux"}}},
        [{"type": "device.fingerprint", "hint_brands": ["Not?A_Brand/8"], "hint_platform": "Linux"}],
    ),
    (
        {"network": [{"connectionType": "wifi", "httpVersion": "HTTP/2"}]},
        [{"type": "network.facts", "http_version": "2"}],
    ),
]


@pytest.mark.parametrize(("document", "events"), SPELLINGS, ids=lambda one: json.dumps(one)[:70])
def test_every_spelling_becomes_its_event(document: Any, events: list[dict[str, Any]]) -> None:
    assert made(document) == events


@pytest.mark.parametrize(
    "fact",
    [
        {"webdriver": "yes"},
        {"pixelRatio": -1},
        {"plugins": "none"},
        {"languages": {}},
        {"colorDepth": "24"},
        {"hardwareConcurrency": 10**30},
        {"screen": "wide"},
        {"timezone": 7},
        {"automation_flags": ["a"] * 99},
    ],
)
def test_a_fact_that_is_told_oddly_is_unknown(fact: dict[str, Any]) -> None:
    assert made({"fingerprint": fact | {"platform": "Linux"}}) == [{"type": "device.fingerprint", "platform": "Linux"}]


def test_every_type_of_event_of_the_contract_has_a_spelling() -> None:
    reached = {event["type"] for _, events in SPELLINGS for event in events} | {"key.press", "touch.move"}
    assert reached == {kind.__struct_config__.tag for kind in AnyBehaviorEvent.__args__}


SECRET = "hunter2"
EVERYWHERE = {
    name: SECRET
    for name in (
        "key",
        "code",
        "value",
        "text",
        "content",
        "data",
        "char",
        "character",
        "password",
        "html",
        "label",
        "keys",
        "event_id",
        "note",
    )
}


@pytest.mark.parametrize(
    "group", ["keystrokes", "mouse", "scroll", "touch", "clipboard", "form", "focus", "visibility"]
)
def test_no_value_of_a_key_or_field_goes_on(group: str) -> None:
    item = EVERYWHERE | {"x": 1, "y": 2, "timestamp": MS, "field": "password", "state": "visible"}
    item |= {"action": "paste"} if group == "clipboard" else {}
    item |= {"target": {"id": "password", "value": SECRET, "outerHTML": f"<input value={SECRET}>"}}
    document = {group: [item], "keylog": [SECRET], SECRET: SECRET}
    behaviour = read(document)
    raw = make_item(document, behaviour, uuid4(), SUBJECT, NOW).raw
    assert SECRET.encode() not in raw
    assert SECRET not in repr(redacted(behaviour, 1))


@pytest.mark.parametrize(
    "target", [f"<input value='{SECRET}'>", f"input[value={SECRET}]", "a b", "x" * 65, 7, [SECRET]]
)
def test_a_target_that_could_hold_content_is_left_out(target: Any) -> None:
    assert made({"focus": [{"t": MS, "target": target}]}) == [{"type": "focus.gained"}]


def test_a_class_that_there_is_not_is_other() -> None:
    assert made({"keystrokes": [{"key_class": SECRET, "t": MS}]}) == [{"type": "key.press", "key_class": "other"}]


BAD = [
    ({"mouse": 7}, "/mouse", "invalid_value"),
    ({"mouse": [7]}, "/mouse/0", "invalid_value"),
    ({"events": {"type": "scroll"}}, "/events", "invalid_value"),
    ("text", "", "invalid_value"),
    ({"events": [{"type": "mousemove", "x": 1, "y": 2}]}, "/events/0", "missing_time"),
    ({"events": [{"type": "mousemove", "x": "1", "y": 2, "timestamp": MS}]}, "/events/0/x", "invalid_value"),
    ({"events": [{"type": "mousemove", "x": True, "y": 2, "timestamp": MS}]}, "/events/0/x", "invalid_value"),
    ({"mouse": [{"x": 1, "y": 2, "t": MS}, {"clientX": 1e9, "y": 2, "t": MS}]}, "/mouse/1/clientX", "invalid_value"),
    ({"mouse": [{"y": 2, "t": MS}]}, "/mouse/0", "invalid_value"),
    ({"events": [{"type": "teleport", "timestamp": MS}]}, "/events/0/type", "unknown_type"),
    ({"events": [{"timestamp": MS}]}, "/events/0", "unknown_type"),
    ({"mouse": [{"x": 1, "y": 2, "t": -5}]}, "/mouse/0/t", "invalid_time"),
    ({"mouse": [{"x": 1, "y": 2, "t": 1e300}]}, "/mouse/0/t", "invalid_time"),
    ({"mouse": [{"x": 1, "y": 2, "t": "yesterday"}]}, "/mouse/0/t", "invalid_time"),
    ({"mouse": [{"x": 1, "y": 2, "t": "nan"}]}, "/mouse/0/t", "invalid_time"),
    ({"mouse": [{"x": 1, "y": 2, "t": MS + 3_600_000}]}, "/mouse/0", "clock_skew"),
    ({"mouse": [{"x": 1, "y": 2, "t": MS - 8 * 86_400_000}]}, "/mouse/0", "clock_skew"),
    ({"time_origin": "never", "mouse": [{"x": 1, "y": 2, "t": 5}]}, "/time_origin", "invalid_time"),
    ({"keystrokes": [{"key": "a", "t": MS, "duration": -1}]}, "/keystrokes/0", "invalid_value"),
    ({"mouse": []}, "", "empty_batch"),
    ({}, "", "empty_batch"),
    ({"clipboard": [{"t": MS}]}, "/clipboard/0", "invalid_value"),
    (
        {"tracks": [{"type": "pointer.move", "started_at": MS, "t": [0, 1], "x": [1], "y": [1, 2]}]},
        "/tracks/0/x",
        "column_lengths",
    ),
    ({"tracks": [{"type": "other"}]}, "/tracks/0/type", "unknown_type"),
    ({"events": [{"type": "scroll", "y": 1, "timestamp": MS}] * 10_001}, "/events", "too_many_events"),
]


@pytest.mark.parametrize(("document", "pointer", "code"), BAD, ids=lambda one: json.dumps(one)[:60])
def test_what_is_wrong_is_pointed_at_in_the_client_s_own_document(document: Any, pointer: str, code: str) -> None:
    error = refusal(document)
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert error["detail"]


def test_a_detail_never_quotes_a_value() -> None:
    for item in (
        {"type": SECRET, "t": MS},
        {"type": "mousemove", "x": SECRET, "y": 1, "t": MS},
        {"type": "scroll", "y": 1, "t": SECRET},
    ):
        assert SECRET not in repr(refusal({"events": [item]}))


def test_every_bad_place_is_named_up_to_a_bound() -> None:
    with pytest.raises(Problem) as caught:
        document = {"mouse": [{"x": "a", "y": 1, "t": MS}] * 50}
        make_item(document, read(document), uuid4(), SUBJECT, NOW)
    assert [error["pointer"] for error in caught.value.errors] == [f"/mouse/{index}/x" for index in range(20)]


def test_groups_are_put_in_order_of_time_and_one_list_stays_as_it_came() -> None:
    shuffled = [{"type": "scroll", "y": 1, "timestamp": MS + 9}, {"type": "blur", "timestamp": MS}]
    assert [event["type"] for event in read({"events": shuffled}).events] == ["scroll", "focus.lost"]
    groups = {"scroll": [{"y": 1, "t": MS + 9}], "blur": [{"t": MS}]}
    assert [event["type"] for event in read(groups).events] == ["focus.lost", "scroll"]


def test_what_tells_nothing_is_counted() -> None:
    document = {
        "events": [
            {"type": "wheel", "deltaY": 3},
            {"type": "scroll", "deltaY": 3},
            {"type": "scroll", "y": 1, "timestamp": MS},
        ],
        "gyroscope": [{"a": 1}, {"a": 2}],
    }
    behaviour = read(document)
    assert (len(behaviour.events), behaviour.ignored) == (1, 4)


def test_tracks_come_through_in_the_contract_s_own_columns_only() -> None:
    document = {
        "tracks": [{"type": "pointer.move", "started_at": MS, "t": [0, 5], "x": [1, 2], "y": [3, 4], "key": SECRET}]
    }
    raw = make_item(document, read(document), uuid4(), SUBJECT, NOW).raw
    assert SECRET.encode() not in raw
    [track] = msgspec.json.decode(raw)["tracks"]
    assert (track["t"], track["x"], track["y"]) == ([0, 5], [1, 2], [3, 4])


NAMES = st.sampled_from(
    [
        "type",
        "x",
        "y",
        "t",
        "timestamp",
        "key",
        "code",
        "data",
        "events",
        "mouse",
        "keystrokes",
        "form",
        "touch",
        "tracks",
        "fingerprint",
        "network",
        "screen",
        "time_origin",
        "sessionMetrics",
        "started_at",
        "value",
        "a/b~c",
        "duration",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, JSON, max_size=6) | JSON)
def test_no_document_is_a_crash(document: Any) -> None:
    decoded = decode_document(msgspec.json.encode(document))
    try:
        make_item(decoded, read(decoded), uuid4(), SUBJECT, NOW)
    except Problem as problem:
        assert problem.kind.status == 400
        assert problem.errors
