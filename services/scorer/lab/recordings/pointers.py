"""Readers of what loggers of the mouse wrote, one for each format.

A reader gets the folder of a repository and gives the sessions in it; what it cannot read it leaves out.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.scorer.lab.recordings.recorded import (
    LEAST_OF_CAPTCHA,
    Event,
    Recorded,
    changed,
    json_of,
    move,
    rows_of,
    sample_of,
    sessions_of,
)

_SAPIMOUSE_KINDS: Final = {"Move": "move", "Drag": "move", "Pressed": "down", "Released": "up"}
# A session is cut into parts as long as those of the first sources.
_SAPIMOUSE_PART: Final = 1_000
_SAPIMOUSE_PARTS: Final = 3
_SAPIMOUSE_LEAST: Final = 100
# The organisers of the contest multiplied places and times.
_SLIDER_X, _SLIDER_Y, _SLIDER_MS = 7, 13, 3
# Where on the screen a drag began is not told.
_SLIDER_START: Final = (40, 300)
# Places are shares of a screen whose size is not told.
_SHARES_OF: Final = (1_512, 982)


def sapimouse(folder: Path) -> Iterator[Recorded]:
    """Read ``user<n>/session_<m>min.csv``: ``client timestamp`` (ms), ``button``, ``state``, ``x`` and ``y`` (pixels).

    Source: M. Antal, N. Fejer, K. Buza, "SapiMouse: Mouse Dynamics-based User Authentication Using Deep Feature
    Learning", 2021.
    """
    for file in sorted(folder.glob("data/sapimouse/user*/session_*min.csv")):
        events: list[Event] = []
        for state, *told in rows_of(file, "state", "client timestamp", "x", "y"):
            kind, read = _SAPIMOUSE_KINDS.get(state), sample_of(*told)
            if kind is not None and read is not None:
                events.append([read[0], kind, *read[1:]])
        person = file.parent.name
        for number in range(_SAPIMOUSE_PARTS):
            part = events[number * _SAPIMOUSE_PART : (number + 1) * _SAPIMOUSE_PART]
            if len(part) >= _SAPIMOUSE_LEAST:
                yield Recorded(f"{person}-{file.stem}-{number}", person, part)


def dsjtzs(folder: Path) -> Iterator[Recorded]:
    """Read lines ``number x,y,ms;x,y,ms;... target label`` of a contest; label 1 is a person who drags a slider."""
    file = folder / "data" / "dsjtzs_txfz_training.txt"
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else ():
        match line.split(" "):
            case [number, drag, _, "1"]:
                told = [point.split(",") for point in drag.split(";")]
                points = list(filter(None, (sample_of(p[2], p[0], p[1]) for p in told if len(p) == 3)))
            case _:
                continue
        left, top = (min((point[axis] for point in points), default=0) for axis in (1, 2))
        events = [
            move(
                t / _SLIDER_MS,
                round((x - left) / _SLIDER_X) + _SLIDER_START[0],
                round((y - top) / _SLIDER_Y) + _SLIDER_START[1],
            )
            for t, x, y in points
        ]
        yield from sessions_of(f"dsjtzs-{number}", "", events, LEAST_OF_CAPTCHA)


def captchat(folder: Path) -> Iterator[Recorded]:
    """Read a table ``session_id``, ``x``, ``y``, ``time`` (ms), ``event_type``, ``label`` of moves to a captcha."""
    found: dict[str, list[Event]] = defaultdict(list)
    file = folder / "data" / "collect_data" / "data_all.csv"
    for name, kind, label, *told in rows_of(file, "session_id", "event_type", "label", "time", "x", "y"):
        if label == "human" and kind == "move" and (read := sample_of(*told)) is not None:
            found[name].append(move(*read))
    for name, events in sorted(found.items()):
        yield from sessions_of(f"captchat{name}", "", events, LEAST_OF_CAPTCHA)


def gousekid(folder: Path) -> Iterator[Recorded]:
    """Read tables ``timestamp`` (s), ``x``, ``y``, ``label``; a label other than path tells a target, not the mouse."""
    for file in sorted(folder.glob("data/*.csv")):
        rows = rows_of(file, "label", "timestamp", "x", "y")
        read = filter(None, (sample_of(*told) for label, *told in rows if label == "path"))
        events = [move(1_000 * t, x, y) for t, x, y in read]
        yield from sessions_of(f"gousekid-{file.stem[-15:]}", "gousekid", events)


def jrcalgo(folder: Path) -> Iterator[Recorded]:
    """Read tables with ``timestamp`` (s), ``position_x`` and ``position_y``, a row for every event."""
    for file in sorted(folder.glob("data/*.csv")):
        read = filter(None, (sample_of(*told) for told in rows_of(file, "timestamp", "position_x", "position_y")))
        events = [move(1_000 * t, x, y) for t, x, y in changed(read)]
        yield from sessions_of(f"jrcalgo-{file.stem[-15:]}", "jrcalgo", events)


def natural_pointer(folder: Path) -> Iterator[Recorded]:
    """Read a list of objects ``type``, ``rel_time`` (s), ``x`` and ``y`` (shares) and, of clicks, ``pressed``."""
    events: list[Event] = []
    found = json_of(folder / "mouse_data.json")
    for item in found if isinstance(found, list) else ():
        match item:
            case {"type": "move"}:
                kind = "move"
            case {"type": "click", "button": "Button.left", "pressed": bool() as pressed}:
                kind = "down" if pressed else "up"
            case _:
                continue
        if (read := sample_of(item.get("rel_time"), item.get("x"), item.get("y"))) is not None:
            t, x, y = read
            events.append([1_000 * t, kind, round(x * _SHARES_OF[0], 3), round(y * _SHARES_OF[1], 3)])
    yield from sessions_of("natural_pointer", "natural_pointer", events)
