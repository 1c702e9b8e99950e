"""What every reader of recordings uses: tables and files, and a person's events cut into sessions.

An event is a row of a mouse ``[ms, "move" | "down" | "up", x, y]``, a row of a key ``[press ms, release ms, code]``, or
an object of a touch ``{"type", "t", "x", "y", "touch_id"}``, as ``services.scorer.lab.sessions`` reads them.
"""

import csv
import gzip
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

Event = list[Any] | dict[str, Any]
Sample = tuple[float, float, float]

_LONGEST_MS: Final = 60_000
_LONGEST_PAUSE_MS: Final = 30_000
_MOST_EVENTS: Final = 1_500
# Fewer tell nothing of a hand; a key is worth two events.
LEAST_EVENTS: Final = 60
LEAST_KEYS: Final = 30
# A captcha is one short movement.
LEAST_OF_CAPTCHA: Final = 8
# Between trials whose clocks start anew.
_SHORTEST_PAUSE_MS: Final = 600
_MEAN_REST_MS: Final = 800
_LONGEST_FIELD: Final = 2**24


class Recorded(NamedTuple):
    """One session of a person; ``person`` is empty when the source does not tell people apart."""

    name: str
    person: str
    events: list[Event]


def sessions_of(name: str, person: str, events: Iterable[Event], least: int = LEAST_EVENTS) -> Iterator[Recorded]:
    """Cut a recording at long pauses and into parts of a minute at most; too short a part is left out."""
    parts: list[list[Event]] = []
    for event in sorted(events, key=_at):
        part = parts[-1] if parts else None
        if (
            part is None
            or len(part) >= _MOST_EVENTS
            or _at(event) - _at(part[0]) > _LONGEST_MS
            or _at(event) - _at(part[-1]) > _LONGEST_PAUSE_MS
        ):
            parts.append(part := [])
        part.append(event)
    for number, part in enumerate(parts):
        if len(part) >= least:
            yield Recorded(f"{name}-{number}", person, [_since(event, _at(part[0])) for event in part])


def joined(name: str, trials: Iterable[list[Event]]) -> Iterator[Event]:
    """Put trials whose clocks start anew one after another; the pauses between them are invented."""
    start = 0.0
    for number, trial in enumerate(filter(None, trials)):
        first, last = min(map(_at, trial)), max(map(_at, trial))
        yield from (_since(event, first - start) for event in trial)
        rest = -_MEAN_REST_MS * math.log(1 - _chance(f"{name}/{number}"))
        start += last - first + _SHORTEST_PAUSE_MS + rest


def spread(sessions: list[Recorded], most: int) -> list[Recorded]:
    """Keep at most so many sessions in their order, as evenly taken of all people as they allow."""
    turns: Counter[str] = Counter()
    ranks: list[tuple[int, float, str]] = []
    for session in sorted(sessions, key=lambda session: _chance(session.name)):
        ranks.append((turns[session.person], _chance(session.name), session.name))
        turns[session.person] += 1
    kept = {name for _, _, name in sorted(ranks)[:most]}
    return [session for session in sessions if session.name in kept]


def changed(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Leave out samples that repeat the place before them: a polled pointer at rest is no event."""
    last = None
    for t, x, y in samples:
        if (x, y) != last:
            yield t, x, y
        last = (x, y)


def move(t: float, x: float, y: float) -> Event:
    """Give one move of the mouse."""
    return [t, "move", round(x, 3), round(y, 3)]


def touch(kind: str, t: float, x: float, y: float, touch_id: int, pressure: float | None = None) -> Event:
    """Give one event of a finger; ``kind`` is start, move or end."""
    event = {"type": f"touch.{kind}", "t": t, "x": round(x, 3), "y": round(y, 3), "touch_id": touch_id % 1_000}
    return event if pressure is None else event | {"pressure": min(1.0, max(0.0, pressure))}


def rows_of(file: Path, *columns: str, delimiter: str = ",") -> Iterator[list[str]]:
    """Read columns of a table with a head, gzipped or not; what is not there is empty, what is broken ends it."""
    if not file.is_file():
        return
    csv.field_size_limit(_LONGEST_FIELD)
    opened = gzip.open if file.suffix == ".gz" else open
    broken = (csv.Error, EOFError, gzip.BadGzipFile, zlib.error)
    with suppress(*broken), opened(file, "rt", newline="", encoding="utf-8", errors="replace") as lines:
        for row in csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True):
            yield [row.get(column) or "" for column in columns]


def json_of(file: Path) -> Any:
    """Read a file of JSON; None when it is none."""
    with suppress(FileNotFoundError, ValueError, RecursionError):
        return json.loads(file.read_bytes())
    return None


def list_in(told: Any, name: str) -> list[Any]:
    """Give the list that an object has by a name; empty when there is none."""
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, list) else []


def numbers(*told: Any) -> tuple[float, ...] | None:
    """Read finite numbers; None when one of them is none."""
    with suppress(TypeError, ValueError):
        read = tuple(map(float, told))
        return read if all(map(math.isfinite, read)) else None
    return None


def sample_of(t: Any, x: Any, y: Any) -> Sample | None:
    """Read a time and a place; None when one of them is no number."""
    match numbers(t, x, y):
        case (time, across, down):
            return time, across, down
        case _:
            return None


def listed(told: str) -> list[float]:
    """Read a list of numbers in a field of a table; empty when it is none."""
    with suppress(ValueError):
        return list(numbers(*json.loads(f"[{told.strip(' []')}]")) or ())
    return []


def _at(event: Event) -> float:
    time: float = event["t"] if isinstance(event, dict) else event[0]
    return time


def _since(event: Event, start: float) -> Event:
    """Count an event's times from a start."""
    if isinstance(event, dict):
        return event | {"t": round(event["t"] - start, 3)}
    if isinstance(event[1], str):
        return [round(event[0] - start, 3), *event[1:]]
    return [round(event[0] - start, 3), round(event[1] - start, 3), *event[2:]]


def _chance(name: str) -> float:
    """Give a number in [0, 1) that a name always has."""
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big") / 2**48
