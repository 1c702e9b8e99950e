"""Outside recordings in the public event format, read with patience.

A line is one JSON object, one session: ``{"session_id", "label"?: "human" | "bot", "group"?, "screen"?: [w, h],
"events": [...]}``. Events are those of the contract (``shared.contracts.behavior``), objects and tracks (told apart by
their list ``t``). Of objects the time may also be a number, ``t`` or ``occurred_at``: milliseconds since any start, or
since 1970. Rows ``[t_ms, "move" | "down" | "up", x, y]`` and ``[press_ms, release_ms, key]`` are taken too. Unknown
fields are passed over; an event that breaks the contract is left out and counted. Order does not matter.
"""

import gzip
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast, get_args

import msgspec

from shared.contracts.behavior import (
    AnyBehaviorEvent,
    AnyBehaviorTrack,
    KeyClass,
    KeyPress,
    PointerDown,
    PointerMove,
    PointerUp,
    TouchEnd,
    TouchMove,
    TouchStart,
)

STARTED_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)

# A number this large counts from 1970: as an offset it would be three years.
_EPOCH_FROM_MS: Final = 1e11
_TIME_NAMES: Final = ("occurred_at", "t", "timestamp", "time")
_EVENT_TYPES: Final = {
    "mousemove": "pointer.move", "pointermove": "pointer.move", "move": "pointer.move",
    "mousedown": "pointer.down", "pointerdown": "pointer.down", "down": "pointer.down",
    "mouseup": "pointer.up", "pointerup": "pointer.up", "up": "pointer.up",
    "touchstart": "touch.start", "touchmove": "touch.move", "touchend": "touch.end",
    "key": "key.press", "wheel": "scroll", "focus": "focus.gained", "blur": "focus.lost",
}  # fmt: skip
_KINDS: Final = {kind.__struct_config__.tag: kind for kind in AnyBehaviorEvent.__args__}
_TRACKS: Final = {kind.__struct_config__.tag: kind for kind in AnyBehaviorTrack.__args__}
# What an event keeps when a lesser field of it breaks the contract.
_CORE_FIELDS: Final = {"x", "y", "pointer", "button", "touch_id", "key_class", "dwell_ms", "repeat", "state", "trusted"}
_ROW_EVENTS: Final[dict[str, Callable[..., AnyBehaviorEvent]]] = {
    "move": partial(PointerMove, pointer="mouse"), "down": partial(PointerDown, pointer="mouse"),
    "up": partial(PointerUp, pointer="mouse"), "PressedTouch": TouchStart, "MoveTouch": TouchMove,
    "ReleasedTouch": TouchEnd,
}  # fmt: skip
_CODES: Final[tuple[tuple[int, int, KeyClass], ...]] = (
    (65, 90, "letter"), (48, 57, "digit"), (96, 105, "digit"), (32, 32, "space"), (13, 13, "enter"), (9, 9, "tab"),
    (8, 8, "backspace"), (46, 46, "delete"), (27, 27, "escape"), (37, 40, "arrow"), (33, 36, "navigation"),
    (16, 20, "modifier"), (91, 93, "modifier"), (106, 111, "punctuation"), (186, 222, "punctuation"),
    (112, 123, "function"),
)  # fmt: skip
_KEY_CLASSES: Final = frozenset(get_args(KeyClass))
_MAX_DWELL_MS: Final = 600_000.0
# Units of screens: shares, percent and the 16 bits of absolute pointing devices become pixels of a usual screen.
_USUAL_SCREEN: Final = (1600.0, 900.0)
_SHARES_UP_TO: Final = 2.0
_PERCENT_UP_TO: Final = 100.0
_PERCENT_PLACES: Final = 20  # fractions of pixels in a corner of the screen are rare, but a few prove nothing
_DEVICE_UNITS_FROM: Final = 20_000.0
_DEVICE_UNITS: Final = 65_536.0


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded session as the contract has it.

    ``person`` tells whose it is, where the recording says so; ``refused`` counts the events that were left out.
    """

    session_id: str
    label: str | None
    group: str
    person: str = ""
    events: list[AnyBehaviorEvent]
    tracks: list[AnyBehaviorTrack] = []
    refused: int = 0


class BadLine(NamedTuple):
    """A line that holds no session, and why."""

    number: int
    why: str


def read_sessions(path: Path) -> Iterator[Session | BadLine]:
    """Read a file of sessions, gzipped or not; what is no session is told and passed over."""
    number = 0
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _session(line, number)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield BadLine(number + 1, f"the file breaks off: {error}")


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _session(line: bytes, number: int) -> Session | BadLine:
    try:
        found = json.loads(line)  # not msgspec: some recorders write NaN
    except (ValueError, RecursionError):
        return BadLine(number, "no JSON")
    if not isinstance(found, dict) or not isinstance(found.get("events"), list):
        return BadLine(number, "no object with a list of events")
    return session_of(found, f"line-{number}")


def session_of(found: Mapping[str, Any], name: str) -> Session:
    """Read one session; ``name`` is its id when it tells none."""
    scale = _scale_of(found["events"], found.get("screen") or found.get("resolution"))
    read = [_event(item, scale) for item in found["events"]]
    kept = [item for item in read if item is not None]
    told, label = found.get("session_id", found.get("session")), found.get("label")
    return Session(
        session_id=str(told) if isinstance(told, str | int) else name,
        label=label if label in ("human", "bot") else None,
        group=str(found.get("group") or label or "unlabelled"),
        person=str(found.get("participant") or ""),
        events=[item for item in kept if not isinstance(item, _TRACK_TYPES)],
        tracks=[item for item in kept if isinstance(item, _TRACK_TYPES)],
        refused=len(read) - len(kept),
    )


def _event(item: Any, scale: tuple[float, float]) -> Any | None:
    """Read one event or track; None when it breaks the contract."""
    try:
        if isinstance(item, list):
            return _row(item, scale)
        return _track(item, scale) if isinstance(item.get("t"), list) else _object(item, scale)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError):
        return None  # counted by the caller: a bad item is no reason to lose the session


def _object(item: dict[str, Any], scale: tuple[float, float]) -> Any:
    told = item["type"]
    kind = _KINDS[_EVENT_TYPES.get(told, told)]
    fields = {name: item[name] for name in kind.__struct_fields__ if item.get(name) is not None}
    fields["occurred_at"] = _time(next((item[name] for name in _TIME_NAMES if item.get(name) is not None), None))
    if kind is KeyPress and fields.get("key_class") not in _KEY_CLASSES:
        fields["key_class"] = "other"
    for name, factor in zip("xy", scale, strict=True):
        if name in fields:
            fields[name] = _finite(fields[name]) * factor
    try:
        return _convert(fields, kind)
    except msgspec.ValidationError:
        needed = _CORE_FIELDS | {field.name for field in msgspec.structs.fields(kind) if field.required}
        return _convert({name: value for name, value in fields.items() if name in needed}, kind)


def _track(item: dict[str, Any], scale: tuple[float, float]) -> Any:
    told = item["type"]
    kind = _TRACKS[_EVENT_TYPES.get(told, told)]
    fields = {name: item[name] for name in kind.__struct_fields__ if item.get(name) is not None}
    started = item.get("started_at")
    # Offsets count from the first one, whatever the recorder counted from.
    first = min(_finite(t) for t in item["t"])
    fields["t"] = [t - first for t in item["t"]]
    fields["started_at"] = _time(first) if started is None else _time(started) + timedelta(milliseconds=first)
    columns = [name for name in ("x", "y", "key_class", "dwell_ms") if name in fields]
    for name, factor in zip("xy", scale, strict=True):
        if name in fields:
            fields[name] = [_finite(value) * factor for value in fields[name]]
    if any(len(fields[name]) != len(fields["t"]) for name in columns):
        raise ValueError("columns of unequal length")
    return _convert(fields, kind)


def _row(row: list[Any], scale: tuple[float, float]) -> AnyBehaviorEvent:
    at, kind, *place = row
    if not isinstance(kind, str):
        dwell_ms = min(max(0.0, _finite(kind) - _finite(at)), _MAX_DWELL_MS)
        return KeyPress(occurred_at=_time(at), key_class=_class_of(place[0]), dwell_ms=dwell_ms)
    x, y = (_finite(value) * factor for value, factor in zip(place, scale, strict=True))
    event = _ROW_EVENTS[kind](occurred_at=_time(at), x=x, y=y)
    held: AnyBehaviorEvent = _convert(msgspec.to_builtins(event, builtin_types=(datetime,)), type(event))
    return held


def _class_of(code: Any) -> KeyClass:
    """Tell the class of a key code of browsers; the key itself is forgotten here."""
    return next((kind for first, last, kind in _CODES if first <= code <= last), "other")


def _convert(fields: dict[str, Any], kind: type[Any]) -> Any:
    """Hold fields to the contract."""
    return msgspec.convert(fields | {"type": kind.__struct_config__.tag}, kind, strict=False)


def _time(told: Any) -> datetime:
    if isinstance(told, bool):
        raise ValueError("no time")
    if isinstance(told, int | float):
        since = datetime.fromtimestamp(0, UTC) if told >= _EPOCH_FROM_MS else STARTED_AT
        return since + timedelta(milliseconds=_finite(told))
    time = datetime.fromisoformat(told)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _scale_of(items: Iterable[Any], screen: Any) -> tuple[float, float]:
    """Give what makes pixels of a session's places; most recorders wrote pixels, and get 1."""
    places = [place for place in chain.from_iterable(map(_places, items)) if math.isfinite(place)]
    if not places:
        return 1.0, 1.0
    largest, lowest = max(places), min(places)
    if largest > _DEVICE_UNITS_FROM:
        unit = _DEVICE_UNITS
    elif -_SHARES_UP_TO <= lowest and largest <= _SHARES_UP_TO:
        unit = 1.0
    elif 0 <= lowest and largest <= _PERCENT_UP_TO and sum(not p.is_integer() for p in places) >= _PERCENT_PLACES:
        unit = _PERCENT_UP_TO
    else:
        return 1.0, 1.0
    width, height = _screen(screen)
    return width / unit, height / unit


def _places(item: Any) -> Iterator[float]:
    """Give the places an item tells, to look at their size only."""
    match item:
        case [_, str(), x, y]:
            told = (x, y)
        case {"type": "scroll" | "wheel"}:
            return  # offsets of a page, which may be longer than any screen
        case {"x": x, "y": y}:
            told = (x, y)
        case _:
            return
    for part in told:
        for value in part if isinstance(part, list) else (part,):
            if isinstance(value, int | float):
                yield float(value)


def _screen(told: Any) -> tuple[float, float]:
    match told:
        case [int() | float() as width, int() | float() as height] if (
            100 <= width <= 20_000 and 100 <= height <= 20_000
        ):
            return float(width), float(height)
        case _:
            return _USUAL_SCREEN


_TRACK_TYPES: Final = AnyBehaviorTrack.__args__
