"""Recordings of pointers and keys, read as the batches a client would have sent.

A line of a file is a JSON object with ``group``, ``label`` and ``events``: ``[t_ms, kind, x, y]`` of a pointer, or
``[press_ms, release_ms, key code]`` of a keyboard.
"""

import gzip
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from services.scorer.pipeline import ScoredInput
from shared.contracts.base import Subject
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import (
    AnyBehaviorEvent,
    KeyPress,
    PointerDown,
    PointerMove,
    PointerUp,
    TouchEnd,
    TouchMove,
    TouchStart,
)
from shared.topics import Domain

EVENTS_PER_BATCH: Final = 50
STARTED_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MAX_DWELL_MS: Final = 600_000.0


class Recording(msgspec.Struct, frozen=True):
    """One recorded session; ``resolution`` is the screen's width and height in pixels."""

    label: str
    events: list[Any]
    group: str = "human_keys"
    session: str = ""
    resolution: tuple[float, float] | None = None


def read_recordings(path: Path) -> Iterator[Recording]:
    """Read a file of recordings, gzipped or not."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            yield msgspec.convert(json.loads(line), Recording)  # json, since some recorders wrote NaN


def inputs_of(recording: Recording, name: str, events_per_batch: int = EVENTS_PER_BATCH) -> Iterator[ScoredInput]:
    """Cut a recording into batches, as they would reach the scorer right after their last event."""
    events = [event for event in map(_reader_of(recording), recording.events) if event is not None]
    for start in range(0, len(events), events_per_batch):
        part = events[start : start + events_per_batch]
        batch = BehaviorBatch(
            batch_id=uuid5(NAMESPACE_URL, f"{name}/{start}"), subject=Subject(type="session", id=name), events=part
        )
        yield ScoredInput("lab", Domain.BEHAVIOR, part[-1].occurred_at, 0, batch)


def _reader_of(recording: Recording) -> Callable[[list[Any]], AnyBehaviorEvent | None]:
    if recording.events and not isinstance(recording.events[0][1], str):
        return _key
    scale = _scale(recording)
    return lambda row: _pointer(row, *scale)


def _scale(recording: Recording) -> tuple[float, float]:
    """Give what makes pixels of a recording, since some recorders wrote shares of the screen."""
    if recording.resolution is None or any(max(row[2], row[3]) > 2 for row in recording.events):
        return 1.0, 1.0
    return recording.resolution


def _pointer(row: list[Any], scale_x: float, scale_y: float) -> AnyBehaviorEvent | None:
    at, x, y = _time(row[0]), row[2] * scale_x, row[3] * scale_y
    if not (math.isfinite(x) and math.isfinite(y)):
        return None  # no client could send these
    match row[1]:
        case "move":
            return PointerMove(occurred_at=at, x=x, y=y, pointer="mouse")
        case "down":
            return PointerDown(occurred_at=at, x=x, y=y, pointer="mouse")
        case "up":
            return PointerUp(occurred_at=at, x=x, y=y, pointer="mouse")
        case "PressedTouch":
            return TouchStart(occurred_at=at, x=x, y=y)
        case "MoveTouch":
            return TouchMove(occurred_at=at, x=x, y=y)
        case "ReleasedTouch":
            return TouchEnd(occurred_at=at, x=x, y=y)
        case _:
            return None  # scrolls were recorded without their offset


def _key(row: list[Any]) -> AnyBehaviorEvent:
    dwell_ms = min(max(0.0, row[1] - row[0]), _MAX_DWELL_MS)
    return KeyPress(occurred_at=_time(row[0]), key_class="other", dwell_ms=dwell_ms)


def _time(at_ms: float) -> datetime:
    return STARTED_AT + timedelta(milliseconds=at_ms)
