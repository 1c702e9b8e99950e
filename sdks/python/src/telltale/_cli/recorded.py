"""Files of recordings: JSON lines, gzipped or not, each a session or a batch."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any, Final, cast
from uuid import UUID

import msgspec

from telltale._buffer import Item, Key
from telltale._events import encode_event, encode_track

_MAX_LINE_BYTES: Final = 64 * 2**20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PIECE_MS: Final = 500.0

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A recorded session: its events and tracks as the contract has them, with times."""

    session_id: str
    label: str | None
    group: str
    items: list[Fields]


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """A batch for the gateway, encoded."""

    key: Key
    batch_id: UUID | None
    items: list[Item]


class _SubjectLine(msgspec.Struct):
    type: str
    id: str


class _SessionLine(msgspec.Struct):
    session_id: str
    events: list[Fields]
    tracks: list[Fields] = []
    label: str | None = None
    group: str | None = None


class _BatchLine(msgspec.Struct):
    subject: _SubjectLine
    batch_id: UUID | None = None
    domain: str = "behavior"
    events: list[Fields] = []
    tracks: list[Fields] = []


class _Kind(msgspec.Struct):
    subject: msgspec.Raw = msgspec.Raw()


def read(file: IO[bytes]) -> Iterator[tuple[int, RecordedSession | RecordedBatch | str]]:
    """Read a file line by line, each with its number; for a line that is no recording, give why."""
    number = 0
    try:
        lines = _opened(file)
        for number, line in enumerate(iter(lambda: lines.readline(_MAX_LINE_BYTES), b""), start=1):
            if len(line) == _MAX_LINE_BYTES:
                yield number, f"longer than {_MAX_LINE_BYTES // 2**20} MiB; the rest of the file is not read"
                return
            if line.strip():
                yield number, _recorded(line)
    except (EOFError, OSError, zlib.error) as error:
        yield number + 1, f"the file breaks off: {error}"


def _opened(file: IO[bytes]) -> IO[bytes]:
    buffered = file if hasattr(file, "peek") else io.BufferedReader(cast("io.RawIOBase", file))
    packed = buffered.peek(2)[:2] == _GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(buffered)) if packed else buffered


def _recorded(line: bytes) -> RecordedSession | RecordedBatch | str:
    try:
        return _batch(line) if msgspec.json.decode(line, type=_Kind).subject else _session(line)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        return f"neither a session nor a batch: {error}"


def _session(line: bytes) -> RecordedSession:
    found = msgspec.json.decode(line, type=_SessionLine)
    items = [*found.events, *found.tracks]
    if not items:
        raise ValueError("no events")
    for item in items:
        _encode(item)  # or it says what is missing
        _ended(item)
    return RecordedSession(found.session_id, found.label, found.group or found.label or "-", items)


def _batch(line: bytes) -> RecordedBatch:
    found = msgspec.json.decode(line, type=_BatchLine)
    items = [_encode(item) for item in (*found.events, *found.tracks)]
    if not items:
        raise ValueError("no events")
    return RecordedBatch(Key(found.domain, found.subject.type, found.subject.id), found.batch_id, items)


def _encode(item: Fields) -> Item:
    return encode_track(item, _no_time) if is_track(item) else encode_event(item, _no_time)


def _no_time() -> datetime:
    raise ValueError("an event without occurred_at")


def is_track(item: Mapping[str, Any]) -> bool:
    """Tell a track from an event."""
    return isinstance(item.get("t"), list)


def count(items: Iterable[Mapping[str, Any]]) -> int:
    """Count events; each sample of a track is one."""
    return sum(len(item["t"]) if is_track(item) else 1 for item in items)


def span(items: Iterable[Mapping[str, Any]]) -> tuple[datetime, datetime]:
    """Give when the first began and the last ended."""
    items = list(items)
    return min(map(_began, items)), max(map(_ended, items))


def moved(items: Iterable[Mapping[str, Any]], by: timedelta) -> list[Fields]:
    """Move recorded times."""
    return [{**item, _time_field(item): _began(item) + by} for item in items]


def timed_pieces(items: Iterable[Mapping[str, Any]]) -> list[tuple[datetime, Fields]]:
    """Cut tracks into pieces of half a second, and give everything by the time it was complete, in order."""
    pieces = []
    for item in items:
        for piece in _cut(item) if is_track(item) else [dict(item)]:
            pieces.append((_ended(piece), piece))
    return sorted(pieces, key=lambda pair: pair[0])


def _cut(track: Mapping[str, Any]) -> Iterator[Fields]:
    times = track["t"]
    columns = [name for name, value in track.items() if isinstance(value, list) and len(value) == len(times)]
    start = 0
    for end in range(1, len(times) + 1):
        if end == len(times) or times[end] // _PIECE_MS != times[start] // _PIECE_MS:
            yield {**track, **{name: track[name][start:end] for name in columns}}
            start = end


def _time_field(item: Mapping[str, Any]) -> str:
    return "started_at" if is_track(item) else "occurred_at"


def _began(item: Mapping[str, Any]) -> datetime:
    name = _time_field(item)
    told = item.get(name)
    if isinstance(told, datetime):
        return told
    time = datetime.fromisoformat(told) if isinstance(told, str) else None
    if time is None or time.tzinfo is None:
        raise ValueError(f"an event without {name}, a time with its zone")
    return time


def _ended(item: Mapping[str, Any]) -> datetime:
    return _began(item) + timedelta(milliseconds=max(item["t"]) if is_track(item) else 0)
