"""The same session as other recorders would have written it: what a recorder does is no evidence of who moves.

Each copy draws its recorder by chance and without a look at the label: sampling rate, timer, unit, rounding, and
whether clicks are told.
"""

import math
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import msgspec

from services.scorer.lab.sessions import STARTED_AT, Session
from shared.contracts.behavior import (
    AnyBehaviorEvent,
    AnyBehaviorTrack,
    KeyPress,
    KeyTrack,
    PointerDown,
    PointerMove,
    PointerTrack,
    PointerUp,
    Scroll,
    ScrollTrack,
    TouchEnd,
    TouchMove,
    TouchStart,
    TouchTrack,
)

# Least time between two samples; most recorders take what comes.
_APART_MS: Final = (0.0, 0.0, 0.0, 8.0, 16.0, 33.0, 50.0, 100.0)
_TIMER_MS: Final = (0.0, 0.0, 0.0, 1.0, 1_000 / 60, 100.0)
_SCALES: Final = (0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 2.0)
_CLICKS_DROPPED: Final = 0.3
_ROUNDED: Final = 0.5
_DENSE: Final = (PointerMove, TouchMove)
_CLICKS: Final = (PointerDown, PointerUp)
_PLACED: Final = (PointerMove, PointerDown, PointerUp, TouchStart, TouchMove, TouchEnd, Scroll)
_OBJECTS: Final[dict[type, Callable[..., AnyBehaviorEvent]]] = {
    PointerTrack: PointerMove, TouchTrack: TouchMove, ScrollTrack: Scroll, KeyTrack: KeyPress
}  # fmt: skip
_COLUMNS: Final = ("x", "y", "key_class", "dwell_ms")
_SAME: Final = ("trusted", "pointer", "touch_id")
_MILLISECOND: Final = timedelta(milliseconds=1)


def other_recorder(session: Session, chance: random.Random) -> Session:
    """Write a session as another recorder would have, all in objects."""
    apart_ms, timer_ms, scale = chance.choice(_APART_MS), chance.choice(_TIMER_MS), chance.choice(_SCALES)
    rounded, clicks = chance.random() < _ROUNDED, chance.random() >= _CLICKS_DROPPED
    events: list[AnyBehaviorEvent] = []
    last_ms = -math.inf
    told = [*session.events, *(event for track in session.tracks for event in objects_of(track))]
    for event in sorted(told, key=lambda event: event.occurred_at):
        at_ms = (event.occurred_at - STARTED_AT) / _MILLISECOND
        if isinstance(event, _DENSE):
            if at_ms - last_ms < apart_ms:
                continue
            last_ms = at_ms
        if clicks or not isinstance(event, _CLICKS):
            events.append(_rewritten(event, at_ms, timer_ms, scale, rounded))
    return msgspec.structs.replace(session, events=events, tracks=[])


def objects_of(track: AnyBehaviorTrack) -> Iterator[AnyBehaviorEvent]:
    """Give a track's samples as events."""
    kind = _OBJECTS[type(track)]
    columns = {name: getattr(track, name) for name in _COLUMNS if hasattr(track, name)}
    same = {name: getattr(track, name) for name in _SAME if hasattr(track, name)}
    for row, offset_ms in enumerate(track.t):
        values = {name: column[row] for name, column in columns.items()}
        yield kind(occurred_at=track.started_at + offset_ms * _MILLISECOND, **values, **same)


def _rewritten(event: AnyBehaviorEvent, at_ms: float, timer_ms: float, scale: float, rounded: bool) -> AnyBehaviorEvent:
    told_ms = math.floor(at_ms / timer_ms) * timer_ms if timer_ms else at_ms
    time = STARTED_AT + timedelta(milliseconds=told_ms)
    if not isinstance(event, _PLACED):
        return msgspec.structs.replace(event, occurred_at=time)
    x, y = event.x * scale, event.y * scale
    x, y = (float(round(x)), float(round(y))) if rounded else (x, y)
    return msgspec.structs.replace(event, occurred_at=time, x=x, y=y)
