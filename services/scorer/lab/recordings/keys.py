"""Readers of keystrokes, one for each format; of a key only its class is kept.

A reader gets the folder of a repository and gives the sessions in it; what it cannot read it leaves out.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, NamedTuple

from services.scorer.lab.recordings.recorded import (
    LEAST_KEYS,
    Event,
    Recorded,
    joined,
    numbers,
    rows_of,
    sessions_of,
)

# Held longer, a key was not released where the recorder could see it.
_LONGEST_HOLD_MS: Final = 3_000
_LETTER, _DIGIT, _PUNCTUATION, _OTHER = 65, 48, 186, 0
# Named as pynput or as Android's keyboard names them.
_CODES: Final = {
    "Key.space": 32, "Space": 32, "Key.enter": 13, "Done": 13, "Enter": 13, "Key.tab": 9, "Key.backspace": 8, "Del": 8,
    "Key.delete": 46, "Key.esc": 27, "Key.left": 37, "Key.up": 38, "Key.right": 39, "Key.down": 40, "Key.home": 36,
    "Key.end": 35, "Key.page_up": 33, "Key.page_down": 34, "Key.shift": 16, "Key.shift_r": 16, "Key.ctrl": 17,
    "Key.ctrl_l": 17, "Key.ctrl_r": 17, "Key.alt": 18, "Key.alt_l": 18, "Key.alt_r": 18, "Key.caps_lock": 20,
    "Key.cmd": 91, "Key.cmd_r": 91, "Shift↑": 16, "Shift↓": 16, "123?": 16, "abc": 16,
}  # fmt: skip
# ``.xat17padn`` and Enter.
_PASSWORD: Final = (_PUNCTUATION, *[_LETTER] * 3, *[_DIGIT] * 2, *[_LETTER] * 4, 13)
_PASSWORDS: Final = 6
_TIMES: Final = 3 * len(_PASSWORD) - 2
_NS_PER_MS: Final = 1e6
_MOST_SHARED: Final = 0.1


class Tap(NamedTuple):
    """A key of a soft keyboard under a finger: times in ms, pressure a share, place in pixels."""

    key: str
    down: float
    up: float
    pressure: float
    x: float
    y: float


def mobikey_keys(folder: Path) -> Iterator[Recorded]:
    """Read passwords typed on a soft keyboard as keys."""
    for name, person, taps in mobikey_rows(folder):
        yield from sessions_of(name, person, [[tap.down, tap.up, _code(tap.key)] for tap in taps], LEAST_KEYS)


def mobikey_rows(folder: Path) -> Iterator[tuple[str, str, list[Tap]]]:
    """Read tables ``UserId``, ``DeviceId``, ``SessionId``, ``Key``, ``DownTime`` (ms), ...: each session's taps."""
    for file in sorted(folder.glob("dataset2/*/Keystrokes.csv")):
        found: dict[tuple[str, str, str], list[Tap]] = defaultdict(list)
        names = ("UserId", "DeviceId", "SessionId", "Key", "DownTime", "UpTime", "Pressure", "RawX", "RawY")
        for user, device, number, key, *told in rows_of(file, *names):
            read = numbers(*told)
            if read is not None and 0 <= read[1] - read[0] < _LONGEST_HOLD_MS:
                found[user, device, number].append(Tap(key, *read))
        for (user, device, number), taps in sorted(found.items()):
            yield f"mk{user}-{device}-{number}", f"mk{user}", sorted(taps, key=lambda tap: tap[1:])


def fakeprofile(folder: Path) -> Iterator[Recorded]:
    """Read lines ``P,key,ns`` and ``R,key,ns`` of pynput, ``<Network>/<letter>_<person>.csv``."""
    for file in sorted(folder.glob("[FIT]*/[fit]_*.csv")):
        letter, person = file.stem.split("_", 1)
        rows = _held(file)
        # A spreadsheet rounded times to 1.65E+18.
        if sum(a[0] == b[0] for a, b in pairwise(rows)) <= _MOST_SHARED * len(rows):
            person = person.lstrip("0")
            yield from sessions_of(f"fake-{letter}{person}", f"fp{person}", rows, LEAST_KEYS)


def iiitbh(folder: Path) -> Iterator[Recorded]:
    """Read rows ``subject,session,repetition`` and 31 times (s): of each key the hold, down to down and up to down."""
    for size in ("Big", "Small"):
        file = folder / f"IIITBh-{size}.csv"
        found: dict[tuple[str, str], list[list[Event]]] = defaultdict(list)
        # Columns have the same name when keys have, so they are told by their place.
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else ():
            match line.split(","):
                case [subject, number, _, *told] if (times := numbers(*told)) and len(times) == _TIMES:
                    found[subject, number].append(_typed(times))
        for (subject, number), passwords in sorted(found.items()):
            for start in range(0, len(passwords), _PASSWORDS):
                name = f"{size}{subject}-{number}-{start}"
                rows = joined(name, passwords[start : start + _PASSWORDS])
                yield from sessions_of(name, f"{size}{subject}", rows, LEAST_KEYS)


def _typed(times: tuple[float, ...]) -> list[Event]:
    """Give the keys of one password."""
    downs = [0.0, *accumulate(times[1::3])]
    rows = zip(downs, times[::3], _PASSWORD, strict=True)
    return [[1_000 * down, 1_000 * (down + hold), code] for down, hold, code in rows]


def _held(file: Path) -> list[list[float]]:
    """Pair presses and releases; a press that repeats while the key is held is no press."""
    told: list[tuple[float, str, str]] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, time = line.rpartition(",")
        if (read := numbers(time)) is not None:
            told.append((read[0] / _NS_PER_MS, key[:1], key[2:].strip()))
    down: dict[str, float] = {}
    rows: list[list[float]] = []
    for t, kind, key in sorted(told, key=lambda row: row[0]):
        # Shift may go up between a letter's press and its release.
        same = key.lower()
        if kind == "P":
            down.setdefault(same, t)
        elif kind == "R" and t - (pressed := down.pop(same, -math.inf)) < _LONGEST_HOLD_MS:
            rows.append([pressed, t, _code(key)])
    return sorted(rows)


def _code(key: str) -> int:
    """Give the code of a key's class."""
    bare = key.strip("'\"") or key[:1]
    if key in _CODES or len(bare) != 1:
        return _CODES.get(key, _OTHER)
    if bare.isalnum():
        return _LETTER if bare.isalpha() else _DIGIT
    return _PUNCTUATION if bare.isascii() else _OTHER
