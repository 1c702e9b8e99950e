"""Paths as arrays: from objects and tracks to time and place, cleaned, thinned, and kept across batches.

A path is the samples that advance in time and change place, in whole pixels. Others carry nothing and are passed over,
so that coarse or clamped timers do no harm, and a recorder with fractions of a pixel tells no more than one without.
Places are complex numbers, x + iy: lengths, turns and areas are then one operation each.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.compiled import compiled
from shared.contracts.behavior import PointerMove, PointerTrack, TouchMove, TouchTrack

Times = NDArray[np.float64]  # ms by the client's clock, since 1970
Places = NDArray[np.complex128]  # px
Path = tuple[Times, Places]
Sample = PointerMove | TouchMove
Track = PointerTrack | TouchTrack

_ROUNDED_PX: Final = 1.0  # by which rounding takes a step off its direction


class Tail(msgspec.Struct, array_like=True):
    """The last samples of a path, as the bytes of its two arrays."""

    t: bytes = b""
    p: bytes = b""

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.t) // 8

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


@compiled("Tuple((f8[::1], c16[::1]))(f8[::1], c16[::1], i8, f8)")
def advancing(t: Times, p: Places, seen: int, heard_ms: float) -> Path:
    """Drop samples of the same time as the one before, kept or not, and those of the place of the last one kept.

    The first ``seen`` are kept already; the last sample before the new ones came at ``heard_ms``.
    """
    kept_t, kept_p, kept = np.empty_like(t), np.empty_like(p), 0
    for row in range(len(t)):
        if row < seen or kept == 0 or (t[row] > heard_ms and p[row] != kept_p[kept - 1]):
            kept_t[kept], kept_p[kept] = t[row], p[row]
            kept += 1
        if row >= seen:
            heard_ms = t[row]
    return kept_t[:kept], kept_p[:kept]


@compiled("Tuple((f8[::1], c16[::1]))(f8[::1], c16[::1], i8, f8)")
def thinned(t: Times, p: Places, seen: int, apart_ms: float) -> Path:
    """Drop samples too soon after the last kept one; the first ``seen`` are kept already."""
    kept_t, kept_p, kept = np.empty_like(t), np.empty_like(p), 0
    for row in range(len(t)):
        if row < seen or kept == 0 or t[row] >= kept_t[kept - 1] + apart_ms:
            kept_t[kept], kept_p[kept] = t[row], p[row]
            kept += 1
    return kept_t[:kept], kept_p[:kept]


@compiled("f8(c16)")
def off_axis(step: complex) -> float:
    """Give how far a step is from the eight directions that rulers, menus and mouse keys keep."""
    across, down = abs(step.real), abs(step.imag)
    return min(across, down, abs(across - down))


@compiled("b1(c16)")
def oblique(step: complex) -> bool:
    """Tell whether a step lies along none of these directions, however it was rounded."""
    return off_axis(step) > _ROUNDED_PX


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
