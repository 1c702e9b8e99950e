"""Paths as arrays: from objects and tracks to time and place, cleaned, thinned, and kept across batches.

A path is the samples that advance in time and change place, in whole pixels. Others carry nothing and are passed over,
so that coarse or clamped timers do no harm, and a recorder with fractions of a pixel tells no more than one without.
Places are complex numbers, x + iy: lengths, turns and areas are then one operation each.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.contracts.behavior import PointerMove, PointerTrack, TouchMove, TouchTrack

Times = NDArray[np.float64]  # ms by the client's clock, since 1970
Places = NDArray[np.complex128]  # px
Path = tuple[Times, Places]
Sample = PointerMove | TouchMove
Track = PointerTrack | TouchTrack

_ROUNDED_PX: Final = 1.0  # by which rounding takes a step off its direction


class Steps(NamedTuple):
    """From each sample of a path to the next: ms, px as a complex number, and its length in px."""

    elapsed: Times
    step: Places
    length: NDArray[np.float64]

    def since(self, sample: int) -> "Steps":
        """Leave out the steps before a sample."""
        return Steps(self.elapsed[sample:], self.step[sample:], self.length[sample:]) if sample else self


class Tail(msgspec.Struct, array_like=True):
    """The last samples of a path, as the bytes of its two arrays."""

    t: bytes = b""
    p: bytes = b""

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.t) // 8

    @property
    def ended_at(self) -> float:
        """The time of the last sample; long ago when there is none."""
        return float(np.frombuffer(self.t)[-1]) if self.t else -math.inf

    def joined(self, path: Path) -> Path:
        """Give a path with this tail before it."""
        if not self.t:
            return path
        t, p = np.frombuffer(self.t), np.frombuffer(self.p, complex)
        return np.concatenate((t, path[0])), np.concatenate((p, path[1]))


def tail_of(path: Path, size: int) -> Tail:
    """Keep the last samples of a path."""
    return Tail(path[0][-size:].tobytes(), path[1][-size:].tobytes())


def epoch_ms(time: datetime) -> float:
    """Give a time in milliseconds since 1970."""
    return time.timestamp() * 1_000


def path_of(events: Sequence[Sample], tracks: Sequence[Track]) -> Path:
    """Put objects and tracks together, in the order of time and in whole pixels."""
    paths = [_track(track) for track in tracks]
    if events or not paths:
        paths.append(_objects(events))
    t, p = paths[0] if len(paths) == 1 else (np.concatenate(column) for column in zip(*paths, strict=True))
    if np.count_nonzero(t[1:] < t[:-1]):
        order = np.argsort(t, kind="stable")
        t, p = t[order], p[order]
    return t, np.rint(p)


def advancing(t: Times, p: Places, seen: int) -> tuple[Times, Places, Steps]:
    """Drop samples of the same time or place as the one before; the first ``seen`` are kept already.

    The steps of those that stay come with them.
    """
    steps, new = steps_of(t, p), slice(max(0, seen - 1), None)
    if np.count_nonzero(steps.elapsed[new]) < len(t[new]) - 1:
        t, p = _kept(t, p, seen, steps.elapsed > 0)
        steps = steps_of(t, p)
    if np.count_nonzero(steps.length[new]) < len(t[new]) - 1:
        t, p = _kept(t, p, seen, steps.length > 0)
        steps = steps_of(t, p)
    return t, p, steps


def steps_of(t: Times, p: Places) -> Steps:
    """Give the steps of a path."""
    step = p[1:] - p[:-1]
    return Steps(t[1:] - t[:-1], step, np.abs(step))


def joined(paths: Sequence[Steps]) -> Steps:
    """Put the steps of paths one after another."""
    return Steps(*map(np.concatenate, zip(*paths, strict=True))) if len(paths) > 1 else paths[0]


def off_axis(step: Any) -> Any:
    """Give how far steps, one or an array, are from the eight directions that rulers, menus and mouse keys keep."""
    across, down = abs(step.real), abs(step.imag)
    return np.minimum(np.minimum(across, down), abs(across - down))


def oblique(step: Any) -> Any:
    """Tell which steps, one or an array, lie along none of these directions, however they were rounded."""
    return off_axis(step) > _ROUNDED_PX


def thinned(t: Times, p: Places, seen: int, apart_ms: float) -> Path:
    """Drop samples too soon after the last kept one; the first ``seen`` are kept already."""
    if not np.count_nonzero(t[1:] - t[:-1] < apart_ms):
        return t, p
    rows, next_ms = list(range(seen)), float(t[seen - 1]) + apart_ms if seen else -math.inf
    for row, time in enumerate(t[seen:].tolist(), seen):
        if time >= next_ms:
            rows.append(row)
            next_ms = time + apart_ms
    kept = np.array(rows)
    return t[kept], p[kept]


def _objects(events: Sequence[Sample]) -> Path:
    size = len(events)
    t = np.fromiter([event.occurred_at.timestamp() for event in events], float, size) * 1_000
    return t, _places([event.x for event in events], [event.y for event in events])


def _track(track: Track) -> Path:
    return np.fromiter(track.t, float, len(track.t)) + epoch_ms(track.started_at), _places(track.x, track.y)


def _places(x: list[float], y: list[float]) -> Places:
    p = np.empty(len(x), complex)
    p.real = np.fromiter(x, float, len(x))
    p.imag = np.fromiter(y, float, len(y))
    return p


def _kept(t: Times, p: Places, seen: int, wanted: NDArray[np.bool_]) -> Path:
    """Drop the samples that are not wanted, but neither the first nor those seen."""
    kept = np.concatenate(([True], wanted))
    kept[:seen] = True
    return t[kept], p[kept]
