"""What callers add, checked as far as the server would only say later, and encoded. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from telltale._buffer import Item


def encode_event(event: Mapping[str, Any], now: Callable[[], datetime]) -> Item:
    """Encode one event; it happened `now` unless it says when.

    Raises
    ------
    ValueError
        It has no type, or a time without zone.
    TypeError
        It holds what JSON cannot.
    """
    at = event.get("occurred_at")
    if at is None:
        event = {**event, "occurred_at": now()}
    return Item(_encode(event, "occurred_at", at), 1, False)


def encode_track(track: Mapping[str, Any], now: Callable[[], datetime]) -> Item:
    """Encode one track, which says itself when it began.

    Raises
    ------
    ValueError
        It has no type or start, a time without zone, or its columns are empty or differ in length.
    TypeError
        It holds what JSON cannot.
    """
    if track.get("started_at") is None:
        raise ValueError("a track needs started_at")
    columns = [value for value in track.values() if isinstance(value, Sequence) and not isinstance(value, str)]
    lengths = {len(column) for column in columns}
    if track.get("t") is None or len(lengths) != 1 or 0 in lengths:
        raise ValueError("a track needs t, and columns of equal length, not empty")
    return Item(_encode(track, "started_at", track["started_at"]), lengths.pop(), True)


def _encode(fields: Mapping[str, Any], time_field: str, time: object) -> bytes:
    if not isinstance(fields.get("type"), str):
        raise ValueError("an event needs a type")
    if isinstance(time, datetime) and time.tzinfo is None:
        raise ValueError(f"{time_field} has no time zone")
    return msgspec.json.encode(fields)
