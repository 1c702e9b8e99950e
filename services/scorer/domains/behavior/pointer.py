"""How a mouse or pen moves and clicks: counters over short windows of the path.

A path is the samples that advance in time and change place; others carry nothing and are passed over, so that coarse
or clamped timers do no harm. Its shape is judged on samples a few milliseconds apart, so that fast devices do not look
smoother than slow ones. The last samples are kept: windows reach across batches, and the counts do not depend on how
a session was cut. Fingers are no part of this: they jump by nature.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.features import Feature, Features
from shared.contracts.behavior import PointerDown, PointerMove, PointerTrack

POINTER_FEATURES: Final = {
    "pointer_moves": Feature("count", "samples of the path"),
    "pointer_steps": Feature("count", "neighbouring double steps long enough to compare their lengths"),
    "pointer_even_share": Feature("share", "of these, those whose lengths differ by a tenth at most"),
    "pointer_turns": Feature("count", "turns sampled finely enough to tell a hand's from others"),
    "pointer_reversals": Feature("count", "of these, turns back without braking, or twice in a row"),
    "pointer_reversal_share": Feature("share", "reversals of all turns"),
    "pointer_windows": Feature("count", "stretches of path long enough to tell how straight they are"),
    "pointer_straight_share": Feature("share", "of these, those as straight as the pixel grid allows"),
    "pointer_far_clicks": Feature("count", "clicks of a mouse far away from the one before"),
    "pointer_jump_share": Feature("share", "of these, those to which the mouse jumped at once"),
}

# Finer samples are no news: a hand changes little in between, and 60 to 240 Hz devices become comparable.
_APART_MS: Final = 12.0
# A step of one pixel, straight or diagonal, is within the flicker of an optical sensor.
_SENSOR_FLICKER_PX: Final = 1.5
# Slower samplers leave out what happens in between, and a trembling hand (to 8 Hz) then looks like noise. 20 ms,
# however it was rounded.
_FINE_SAMPLING_MS: Final = 20.5
# A hand brakes before it turns, so the steps around the turn are shorter than the one before.
_TURN_SPEED_KEPT: Final = 1.0
# Two double steps of 5 px and more: rounding to pixels then changes a length by a tenth or so.
_COMPARABLE_PX: Final = 10.0
_EVEN_DIFFERENCE: Final = 0.05  # of the sum of both, so a tenth of each
_WINDOW: Final = 8
_WINDOW_PX: Final = 80.0
# Rounding to pixels takes up to 0.1 % off the straightness of such a window.
_STRAIGHT: Final = 0.998
_FAR_PX: Final = 100.0
_JUMP_MOVES: Final = 1

_Array = NDArray[np.float64]
_Path = tuple[_Array, _Array, _Array]  # t in ms, x, y
_Tail = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


class PointerState(msgspec.Struct, array_like=True):
    """Counters, and the last samples of the path, in full and thinned (``t`` in ms, by the client's clock)."""

    moves: int = 0
    steps: int = 0
    even: int = 0
    turns: int = 0
    reversals: int = 0
    windows: int = 0
    straight: int = 0
    far_clicks: int = 0
    jumps: int = 0
    moves_since_click: int = 0
    last_click: tuple[float, float] | None = None
    fine_tail: _Tail = ((), (), ())
    tail: _Tail = ((), (), ())

    def observe(
        self, moves: Sequence[PointerMove], tracks: Sequence[PointerTrack], downs: Sequence[PointerDown]
    ) -> None:
        """Fold the pointer events of one batch in."""
        samples = _samples([m for m in moves if m.pointer != "touch"], [t for t in tracks if t.pointer != "touch"])
        new_times = self._follow(samples) if len(samples[0]) else samples[0]
        self._click([down for down in downs if down.pointer == "mouse"], new_times)

    def values(self) -> Features:
        """Give the features of ``POINTER_FEATURES``."""
        return {
            "pointer_moves": self.moves,
            "pointer_steps": self.steps,
            "pointer_even_share": self.even / self.steps if self.steps else None,
            "pointer_turns": self.turns,
            "pointer_reversals": self.reversals if self.turns else None,
            "pointer_reversal_share": self.reversals / self.turns if self.turns else None,
            "pointer_windows": self.windows,
            "pointer_straight_share": self.straight / self.windows if self.windows else None,
            "pointer_far_clicks": self.far_clicks,
            "pointer_jump_share": self.jumps / self.far_clicks if self.far_clicks else None,
        }

    def _follow(self, samples: _Path) -> _Array:
        """Extend the path; give the times of its new samples."""
        if self.fine_tail[0] and samples[0][0] < self.fine_tail[0][-1]:
            # A late batch, or a clock set back: its samples are a path of their own.
            self.fine_tail = self.tail = ((), (), ())
        seen = len(self.fine_tail[0])
        t, x, y = _advancing(*_joined(self.fine_tail, samples))
        self.moves += len(t) - seen
        self.fine_tail = _tail_of(t, x, y, 3)
        self._find_reversals(t, x, y)
        self._judge_shape((t[seen:], x[seen:], y[seen:]))
        return t[seen:]

    def _judge_shape(self, samples: _Path) -> None:
        seen = len(self.tail[0])
        t, x, y = _thinned(*_joined(self.tail, samples), seen)
        self.tail = _tail_of(t, x, y, _WINDOW)
        dx, dy = x[1:] - x[:-1], y[1:] - y[:-1]
        length = np.sqrt(dx * dx + dy * dy)  # half the time of hypot, and nothing here can overflow
        # A window is new when its last sample is; it starts that many samples earlier.
        double, window = max(0, seen - 4), max(0, seen - _WINDOW)
        self._compare_steps(dx[double:], dy[double:], length[double:])
        self._find_straights(x[window:], y[window:], length[window:])

    def _compare_steps(self, dx: _Array, dy: _Array, length: _Array) -> None:
        if len(length) < 4:
            return
        # Mouse keys and the pixel grid make even steps along the eight directions; those tell nothing.
        free = dx * dy * (dx * dx - dy * dy) != 0
        free, two = free[1:] | free[:-1], length[1:] + length[:-1]
        both, differ = two[2:] + two[:-2], np.abs(two[2:] - two[:-2])
        judged = free[2:] & free[:-2] & (both >= _COMPARABLE_PX)
        self.steps += int(np.count_nonzero(judged))
        self.even += int(np.count_nonzero(judged & (differ <= _EVEN_DIFFERENCE * both)))

    def _find_reversals(self, t: _Array, x: _Array, y: _Array) -> None:
        if len(t) < 4:
            return
        dx, dy, fine = x[1:] - x[:-1], y[1:] - y[:-1], t[1:] - t[:-1] <= _FINE_SAMPLING_MS
        length = np.sqrt(dx * dx + dy * dy)
        back = dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0
        slower = np.minimum(length[1:-1], length[2:])
        unbraked = (slower >= _TURN_SPEED_KEPT * length[:-2]) | back[:-1]
        judged = fine[:-2] & fine[1:-1] & fine[2:] & (slower >= _SENSOR_FLICKER_PX)
        self.turns += int(np.count_nonzero(judged))
        self.reversals += int(np.count_nonzero(judged & back[1:] & unbraked))

    def _find_straights(self, x: _Array, y: _Array, length: _Array) -> None:
        if len(x) <= _WINDOW:
            return
        run = length.cumsum()
        path = run[_WINDOW - 1 :].copy()
        path[1:] -= run[:-_WINDOW]
        across, down = np.abs(x[_WINDOW:] - x[:-_WINDOW]), np.abs(y[_WINDOW:] - y[:-_WINDOW])
        chord = np.sqrt(across * across + down * down)
        # Along the eight directions, rulers, menus and mouse keys keep anyone straight.
        off_axis = np.minimum(np.minimum(across, down), np.abs(across - down)) > 0.05 * chord
        judged = (path >= _WINDOW_PX) & off_axis
        self.windows += int(np.count_nonzero(judged))
        self.straight += int(np.count_nonzero(judged & (chord >= _STRAIGHT * path)))

    def _click(self, downs: Sequence[PointerDown], move_times: _Array) -> None:
        times, counted = move_times.tolist() if downs else [], 0
        for down in sorted(downs, key=lambda down: down.occurred_at):
            before = bisect_right(times, epoch_ms(down.occurred_at))
            self.moves_since_click += before - counted
            counted = before
            if self.last_click is not None and math.dist(self.last_click, (down.x, down.y)) >= _FAR_PX:
                self.far_clicks += 1
                self.jumps += self.moves_since_click <= _JUMP_MOVES
            self.last_click, self.moves_since_click = (down.x, down.y), 0
        self.moves_since_click += len(move_times) - counted


def epoch_ms(time: datetime) -> float:
    """Give a time in milliseconds since 1970."""
    return time.timestamp() * 1_000


def _samples(moves: Sequence[PointerMove], tracks: Sequence[PointerTrack]) -> _Path:
    """Put objects and tracks together as columns, in the order of time."""
    paths = [_track(track) for track in tracks]
    if moves or not paths:
        paths.append(_objects(moves))
    t, x, y = paths[0] if len(paths) == 1 else (np.concatenate(column) for column in zip(*paths, strict=True))
    if not np.count_nonzero(t[1:] < t[:-1]):
        return t, x, y
    order = np.argsort(t, kind="stable")
    return t[order], x[order], y[order]


def _track(track: PointerTrack) -> _Path:
    size = len(track.t)
    t = np.fromiter(track.t, float, size) + epoch_ms(track.started_at)
    return t, np.fromiter(track.x, float, size), np.fromiter(track.y, float, size)


def _objects(moves: Sequence[PointerMove]) -> _Path:
    size = len(moves)
    t = np.fromiter([move.occurred_at.timestamp() for move in moves], float, size) * 1_000
    return t, np.fromiter([move.x for move in moves], float, size), np.fromiter([move.y for move in moves], float, size)


def _joined(tail: _Tail, samples: _Path) -> _Path:
    if not tail[0]:
        return samples
    t, x, y = (np.concatenate(parts) for parts in zip(tail, samples, strict=True))
    return t, x, y


def _tail_of(t: _Array, x: _Array, y: _Array, size: int) -> _Tail:
    return tuple(t[-size:].tolist()), tuple(x[-size:].tolist()), tuple(y[-size:].tolist())


def _advancing(t: _Array, x: _Array, y: _Array) -> _Path:
    """Drop samples of the same time or place as the one before."""
    t, x, y = _keep(t, x, y, t[1:] > t[:-1])
    return _keep(t, x, y, (x[1:] != x[:-1]) | (y[1:] != y[:-1]))


def _keep(t: _Array, x: _Array, y: _Array, wanted: NDArray[np.bool_]) -> _Path:
    """Drop the samples after the first that are not wanted."""
    if np.count_nonzero(wanted) == len(wanted):
        return t, x, y
    rows = np.concatenate(((0,), np.flatnonzero(wanted) + 1))
    return t[rows], x[rows], y[rows]


def _thinned(t: _Array, x: _Array, y: _Array, seen: int) -> _Path:
    """Drop samples too soon after the last kept one; the first ``seen`` are kept already."""
    if not np.count_nonzero(t[1:] - t[:-1] < _APART_MS):
        return t, x, y
    rows, last = [], -math.inf
    for row, time in enumerate(t.tolist()):
        if row < seen or time - last >= _APART_MS:
            rows.append(row)
            last = time
    return t[rows], x[rows], y[rows]
