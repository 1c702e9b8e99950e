"""Readers of fingers on screens, and of the same strokes drawn with a touchpad; one for each format.

A reader gets the folder of a repository and gives the sessions in it; what it cannot read it leaves out.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from services.scorer.lab.recordings.keys import mobikey_rows
from services.scorer.lab.recordings.recorded import (
    Event,
    Recorded,
    Sample,
    changed,
    joined,
    json_of,
    list_in,
    move,
    numbers,
    sample_of,
    sessions_of,
    touch,
)

# Places are shares of a tablet's screen whose size is not told, counted from below.
_TABLET: Final = (768, 1_024)
_BIOTOUCH_KINDS: Final = {"touchDownPoints": "start", "movementPoints": "move", "touchUpPoints": "end"}
_WORD: Final = re.compile(r"\.(\d+)\.json$")
_POINT: Final = re.compile(r'<Point T="([^"]*)" X="([^"]*)" Y="([^"]*)"')
_LEAST_POINTS: Final = 5


def shapematch(folder: Path) -> Iterator[Recorded]:
    """Read games ``{"userData": {"uid1", "uid2"}, "touchDataList": {"matched", "unmatched"}}`` of one player.

    A stroke is ``{"points": [{"deltaTime" (s), "x", "y"}, ...]}``; the finger leaves where its last point is.
    """
    people: dict[str, str] = {}
    for file in sorted(folder.glob("python/python/data/Game*.json")):
        match json_of(file):
            case {
                "userData": {"uid1": str(player), "uid2": ""},
                "touchDataList": {"matched": list(matched), "unmatched": list(unmatched)},
            }:
                person = people.setdefault(player.strip().lower(), f"sh{len(people) + 1}")
            case _:
                continue
        events: list[Event] = []
        for number, stroke in enumerate(sorted(filter(None, map(_shape, matched + unmatched)))):
            events += _finger(stroke, number)
        yield from sessions_of(file.stem, person, events)


def biotouch(folder: Path) -> Iterator[Recorded]:
    """Read ``<person>/<number>/<style>/*.<word>.json``: a word written by finger, its points by kind."""
    people: dict[str, str] = {}
    for place in sorted(folder.glob("res/Biotouch/*/*/*")):
        person = people.setdefault(place.parts[-3].lower(), f"bt{len(people) + 1}")
        words = [(int(found[1]), file) for file in place.glob("*.json") if (found := _WORD.search(file.name))]
        name = f"{person}-{place.parts[-2]}-{place.name.split()[0]}"
        yield from sessions_of(name, person, joined(name, (_word(json_of(file)) for _, file in sorted(words))))


def unistroke_touchpad(folder: Path) -> Iterator[Recorded]:
    """Read strokes drawn with the button of a laptop's touchpad held."""
    for person, strokes in _unistrokes(folder / "Part-2" / "Dataset" / "MousePad"):
        events: list[Event] = []
        for stroke in strokes:
            (t, x, y), *path = changed(stroke)
            last_t, last_x, last_y = stroke[-1]
            events += [[t, "down", x, y], *(move(*sample) for sample in path), [last_t, "up", last_x, last_y]]
        yield from sessions_of(f"unistroke-touchpad-{person}", f"un{person}", events)


def unistroke_finger(folder: Path) -> Iterator[Recorded]:
    """Read strokes drawn by finger on a laptop's screen."""
    for person, strokes in _unistrokes(folder / "Part-2" / "Dataset" / "TouchScreen_without_stylus"):
        events = [event for number, stroke in enumerate(strokes) for event in _finger(stroke, number)]
        yield from sessions_of(f"unistroke-finger-{person}", f"un{person}", events)


def mobikey_touch(folder: Path) -> Iterator[Recorded]:
    """Read taps on a soft keyboard."""
    for name, person, taps in mobikey_rows(folder):
        events: list[Event] = []
        for number, (_, down, up, pressure, x, y) in enumerate(taps):
            events += [touch("start", down, x, y, number, pressure), touch("end", up, x, y, number)]
        yield from sessions_of(f"{name}-touch", person, events)


def _shape(told: Any) -> list[Sample]:
    read = filter(None, (_place(point, "deltaTime") for point in list_in(told, "points")))
    return [(1_000 * t, x * _TABLET[0], (1 - y) * _TABLET[1]) for t, x, y in read]


def _finger(stroke: list[Sample], number: int) -> list[Event]:
    """Give a finger that comes down at the first sample and leaves at the last."""
    first, *path = changed(stroke)
    moved = [touch("move", *sample, number) for sample in path]
    return [touch("start", *first, number), *moved, touch("end", *stroke[-1], number)]


def _word(told: Any) -> list[Event]:
    rows: list[tuple[float, float, int, Event]] = []
    for order, (name, kind) in enumerate(_BIOTOUCH_KINDS.items()):
        for point in list_in(told, name):
            if (place := _place(point, "time")) is not None and (part := numbers(point.get("component"))) is not None:
                rows.append((place[0], part[0], order, touch(kind, *place, int(part[0]))))
    return [event for *_, event in sorted(rows, key=lambda row: row[:3])]


def _place(told: Any, time: str) -> Sample | None:
    return sample_of(told.get(time), told.get("x"), told.get("y")) if isinstance(told, dict) else None


def _unistrokes(folder: Path) -> Iterator[tuple[str, list[list[Sample]]]]:
    """Read a stroke a file, ``<Point T="ms" X="" Y=""/>``; one that begins within another is a copy."""
    for place in sorted(folder.glob("s*")):
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in place.glob("*.xml"))
        read = ([point for told in _POINT.findall(text) if (point := sample_of(*told))] for text in texts)
        strokes: list[list[Sample]] = []
        for stroke in sorted(points for points in read if len(points) >= _LEAST_POINTS):
            if not strokes or stroke[0][0] >= strokes[-1][-1][0]:
                strokes.append(stroke)
        yield place.name, strokes
