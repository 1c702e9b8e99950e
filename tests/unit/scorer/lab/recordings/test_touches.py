"""Each format of fingers and strokes, from lines written by hand."""

import json
from typing import Any

import pytest

from services.scorer.lab.recordings import touches
from services.scorer.lab.recordings.sources import Reader
from tests.unit.scorer.lab.recordings.conftest import Put


def finger(kind: str, t: float, x: float, y: float, touch_id: int = 0, **more: float) -> dict[str, Any]:
    return {"type": f"touch.{kind}", "t": t, "x": x, "y": y, "touch_id": touch_id, **more}


def game(player: str, other: str, matched: list[Any], unmatched: list[Any]) -> str:
    lists = {"matched": matched, "unmatched": unmatched}
    return json.dumps({"userData": {"uid1": player, "uid2": other}, "touchDataList": lists})


def test_shapematch_reads_games_of_one_player(put: Put) -> None:
    def points(*rows: tuple[float, float, float]) -> dict[str, Any]:
        return {"points": [{"deltaTime": t, "x": x, "y": y} for t, x, y in rows]}

    first = points((7.5, 0.25, 0.75), (7.6, 0.25, 0.75), (7.7, 0.5, 0.5))  # on 768 by 1024, from below
    rest = points(*((9 + n / 100, n / 768, 1.0) for n in range(60)))
    noise = [{"points": [{"deltaTime": 1}, "noise"]}, {"points": None}, "noise"]
    folder = put("python/python/data/Game1.json", game("Ann ", "", [rest, *noise], [first]))
    put("python/python/data/Game2.json", game("Ann", "Bob", [rest], []))
    put("python/python/data/Game3.json", game("ann", "", [rest], []))

    one, three = touches.shapematch(folder)
    assert [(one.name, one.person), (three.name, three.person)] == [("Game1-0", "sh1"), ("Game3-0", "sh1")]
    assert one.events[:4] == [
        finger("start", 0, 192, 256), finger("move", 200, 384, 512), finger("end", 200, 384, 512),
        finger("start", 1_500, 0, 0, 1),
    ]  # fmt: skip
    assert one.events[-2:] == [finger("move", 2_090, 59, 0, 1), finger("end", 2_090, 59, 0, 1)]


def test_biotouch_joins_the_words_of_a_person(put: Put) -> None:
    def word(count: int) -> str:
        down = {"time": 0, "component": 0, "x": 10.5, "y": 20}
        path = [{"time": 16 * n, "component": 0, "x": 10.5 + n, "y": 20} for n in range(1, count)]
        up = {"time": 16 * count, "component": 0, "x": 11, "y": 21}
        lists = {"touchDownPoints": [down, {"time": 5}], "movementPoints": [*path, None], "touchUpPoints": [up]}
        return json.dumps(lists)

    folder = put("res/Biotouch/Ann.Bell/0/BLOCK LETTERS/Ann.Bell.BLOCK_LETTERS.10.json", word(40))
    put("res/Biotouch/Ann.Bell/0/BLOCK LETTERS/Ann.Bell.BLOCK_LETTERS.2.json", word(30))
    put("res/Biotouch/Ann.Bell/0/BLOCK LETTERS/Ann.Bell.BLOCK_LETTERS.3.json", "[]")
    put("res/Biotouch/Ann.Bell/0/BLOCK LETTERS/notes.json", word(30))

    (session,) = touches.biotouch(folder)
    assert (session.name, session.person) == ("bt1-0-BLOCK-0", "bt1")
    assert session.events[:2] == [finger("start", 0, 10.5, 20), finger("move", 16, 11.5, 20)]
    assert session.events[30] == finger("end", 480, 11, 21)  # word 2 comes before word 10
    second = session.events[31]
    assert isinstance(second, dict) and second["type"] == "touch.start" and second["t"] >= 480 + 600
    assert len(session.events) == 31 + 41


def stroke(start: int, count: int) -> str:
    """Tell a stroke that rests for its second sample, then goes right."""
    points = [f'<Point T="{start + 10 * n}" X="{max(0, n - 1)}.0" Y="7.0"/>' for n in range(count)]
    return "\n".join(['<?xml version="1.0"?><Gesture Name="x">', *points, '<Point T="" X="1" Y="1"/>', "</Gesture>"])


@pytest.mark.parametrize(
    ("reader", "device", "first"),
    [
        (
            touches.unistroke_touchpad, "MousePad",
            [[0, "down", 0, 7], [20, "move", 1, 7], [30, "move", 2, 7], [40, "move", 3, 7], [40, "up", 3, 7]],
        ),
        (
            touches.unistroke_finger, "TouchScreen_without_stylus",
            [
                finger("start", 0, 0, 7), finger("move", 20, 1, 7), finger("move", 30, 2, 7), finger("move", 40, 3, 7),
                finger("end", 40, 3, 7),
            ],
        ),
    ],
)  # fmt: skip
def test_unistrokes_are_read_in_the_order_of_time(put: Put, reader: Reader, device: str, first: Any) -> None:
    folder = put(f"Part-2/Dataset/{device}/s01/b.xml", stroke(1_000, 5))
    put(f"Part-2/Dataset/{device}/s01/a.xml", stroke(2_000, 70))
    put(f"Part-2/Dataset/{device}/s01/copy.xml", stroke(2_010, 70))  # begins within the other
    put(f"Part-2/Dataset/{device}/s01/short.xml", stroke(9_000, 4))
    put(f"Part-2/Dataset/{device}/s02/a.xml", stroke(2_000, 20))  # too little for a session

    (session,) = reader(folder)
    assert session.person == "uns01"
    assert session.events[:5] == first
    assert len(session.events) == 5 + 70  # of the second stroke one sample rests, and its last one counts twice


def test_mobikey_taps_have_pressure(put: Put) -> None:
    head = "UserId, DeviceId, SessionId, Key, DownTime, UpTime, Pressure, FingerArea, RawX, RawY"
    rows = [f"200, KOT, 0, k, {5_000 + 200 * n}, {5_090 + 200 * n}, 0.25, 0.5, {600 + n}, 900.5" for n in range(30)]
    noise = ["200, KOT, 0, k, 1, 3001, 0.1, 0.2, 1, 1", "200, KOT, 0, k, 9, 1, 0.1, 0.2, 1, 1", "200, KOT, 0, k, x", ""]
    folder = put("dataset2/place1/Keystrokes.csv", "\n".join([head, *noise, *reversed(rows)]))
    put("dataset2/place2/Keystrokes.csv", "\n".join([head, *rows[:29]]).replace(", ", ","))  # too little

    (session,) = touches.mobikey_touch(folder)
    assert (session.name, session.person) == ("mk200-KOT-0-touch-0", "mk200")
    assert session.events[:3] == [
        finger("start", 0, 600, 900.5, pressure=0.25), finger("end", 90, 600, 900.5),
        finger("start", 200, 601, 900.5, 1, pressure=0.25),
    ]  # fmt: skip
    assert len(session.events) == 60
