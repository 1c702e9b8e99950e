"""Recorded pointer sessions and how they are cut into events. Pure but for reading the file."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

RECORDINGS: Final = Path(__file__).with_name("recordings") / "delbot.jsonl"

_PIECE_MS: Final = 1_000
_OBJECT_TYPES: Final = {"down": "pointer.down", "up": "pointer.up"}
_NOT_OF_AN_ID: Final = re.compile(r"[^A-Za-z0-9._-]")


class Sample(NamedTuple):
    """One recorded pointer event."""

    t_ms: float
    kind: str
    x: float
    y: float


class Recording(msgspec.Struct, frozen=True):
    """One recorded session and what it truly was."""

    session: str
    group: str
    label: str
    events: list[Sample]

    @property
    def is_human(self) -> bool:
        """Whether a person was recorded."""
        return self.label == "human"

    @property
    def duration_s(self) -> float:
        """How long it took when it was recorded."""
        times = [sample.t_ms for sample in self.events]
        return (max(times) - min(times)) / 1_000 if times else 0.0

    def subject_id(self, run: str) -> str:
        """Give the id under which it is replayed in one run."""
        return f"{_NOT_OF_AN_ID.sub('-', self.session)[:80]}.{run}"


@dataclass(frozen=True, slots=True)
class Piece:
    """About a second of a session: what happened, when it began, and how many events it counts."""

    offset_s: float
    track: dict[str, Any] | None
    objects: list[dict[str, Any]]

    @property
    def event_count(self) -> int:
        """Count samples and objects."""
        return len(self.objects) + (len(self.track["t"]) if self.track else 0)


def load_recordings(path: Path, limit: int | None = None) -> list[Recording]:
    """Read recordings, one JSON document a line; `limit` of them are taken from all groups in turn."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    decoder = msgspec.json.Decoder(Recording)
    with opened as lines:
        recordings = [decoder.decode(line) for line in lines if line.strip()]
    return in_turn([one for one in recordings if one.events])[:limit]


def in_turn(recordings: list[Recording]) -> list[Recording]:
    """Order recordings so that people and bots of every group alternate."""
    groups: dict[tuple[str, str], list[Recording]] = {}
    for one in recordings:
        groups.setdefault((one.label, one.group), []).append(one)
    ranked = [
        (place / len(members), name, place, one)
        for name, members in groups.items()
        for place, one in enumerate(members)
    ]
    return [one for *_, one in sorted(ranked, key=lambda entry: entry[:3])]


def pieces(recording: Recording, started_at: datetime) -> Iterator[Piece]:
    """Cut a recording into pieces of a second, as if it had begun at `started_at`."""
    samples = sorted(recording.events, key=lambda sample: sample.t_ms)
    first_ms = samples[0].t_ms
    for number, group in groupby(samples, key=lambda sample: int((sample.t_ms - first_ms) // _PIECE_MS)):
        begin_ms = number * _PIECE_MS
        begin = started_at + timedelta(milliseconds=begin_ms)
        members = [sample._replace(t_ms=round(sample.t_ms - first_ms - begin_ms, 3)) for sample in group]
        yield Piece(
            begin_ms / 1_000,
            _track([sample for sample in members if sample.kind == "move"], begin),
            [_object(sample, begin) for sample in members if sample.kind in _OBJECT_TYPES],
        )


def _track(moves: list[Sample], begin: datetime) -> dict[str, Any] | None:
    if not moves:
        return None
    return {
        "type": "pointer.move",
        "started_at": begin,
        "t": [move.t_ms for move in moves],
        "x": [move.x for move in moves],
        "y": [move.y for move in moves],
        "pointer": "mouse",
    }


def _object(sample: Sample, begin: datetime) -> dict[str, Any]:
    return {
        "type": _OBJECT_TYPES[sample.kind],
        "occurred_at": begin + timedelta(milliseconds=sample.t_ms),
        "x": sample.x,
        "y": sample.y,
        "pointer": "mouse",
    }
