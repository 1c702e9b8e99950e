"""Halves of key presses put together: a press has a time and how long the key was held, not which key it was."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.gateway.sessions.key_classes import key_class_of
from services.gateway.sessions.kinds import KEY_DOWN, KEY_TYPED
from services.gateway.sessions.layout import DWELLS, PRESS_TIMES, PRESSED_AT, RELEASED_AT, TIMES, first
from services.gateway.sessions.times import WrongTime, is_relative, read_time

_MILLISECOND: Final = timedelta(milliseconds=1)
_MOST_DWELL_MS: Final = 600_000
_NOW: Final = datetime(2000, 1, 1)  # any moment: only differences of relative times are taken


class KeyPresses:
    """The key presses of one post. Keys are forgotten with it."""

    def __init__(self) -> None:
        self._held: dict[str | int, tuple[dict[str, Any], Any]] = {}  # by key: its press, and when as said
        self._pressed_again: list[dict[str, Any]] = []
        self._typed: list[int] = []
        self._downs = self._ups = False

    def press(self, item: Mapping[str, Any], kind: str, event: dict[str, Any], index: int) -> None:
        """Note a press, and what the item itself says of it.

        Parameters
        ----------
        item
            The client's own.
        kind
            A whole press, its first half, or a typed character.
        event
            The press so far; gets class and dwell.
        index
            Where it stands among the events.
        """
        event["key_class"] = key_class_of(item)
        name, dwell = first(item, DWELLS)
        _, released = first(item, RELEASED_AT)
        if name is not None:
            event["dwell_ms"] = dwell
        elif released is not None:
            _set_dwell(event, first(item, PRESS_TIMES)[1], released)
        if kind == KEY_TYPED:
            self._typed.append(index)
        elif kind == KEY_DOWN:
            self._downs = True
            key = _identity(item)
            if key in self._held:
                self._pressed_again.append(event)
            elif key is not None:
                self._held[key] = (event, first(item, TIMES + PRESSED_AT)[1])

    def release(self, item: Mapping[str, Any]) -> bool:
        """Note the end of a press; False when its beginning is not here."""
        self._ups = True
        key = _identity(item)
        held = self._held.pop(key, None) if key is not None else None
        if held is None:
            return False
        event, pressed = held
        _set_dwell(event, pressed, first(item, TIMES + RELEASED_AT)[1])
        return True

    def finish(self) -> list[int]:
        """Mark what was pressed again before its release; give the typed characters that repeat a press."""
        if self._ups:  # a client that tells no releases presses every key again
            for event in self._pressed_again:
                event["repeat"] = True
        return self._typed if self._downs else []


def _identity(item: Mapping[str, Any]) -> str | int | None:
    key = first(item, ("code", "key", "keyCode", "key_code", "which"))[1]
    return key.lower() if isinstance(key, str) else key


def _set_dwell(event: dict[str, Any], pressed: Any, released: Any) -> None:
    """Note how long a key was held; times that cannot be told apart, or run backwards, leave it unknown."""
    try:
        start, end = read_time(pressed, _NOW), read_time(released, _NOW)
    except WrongTime:
        return
    if start is not None and end is not None and is_relative(pressed) == is_relative(released):
        dwell_ms = (end - start) / _MILLISECOND
        if 0 <= dwell_ms <= _MOST_DWELL_MS:
            event["dwell_ms"] = dwell_ms
