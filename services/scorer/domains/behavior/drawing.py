"""How exactly a path is drawn: a hand trembles by more than a pixel, a program's line or curve is exact to the pixel.

Stretches of the path are compared with the best straight line and the best arc (a parabola) through them, across the
direction of travel. So neither the pace nor the clock counts. What remains of a drawn curve is the rounding to pixels;
what remains of a hand is its tremor.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.compiled import compiled
from services.scorer.domains.behavior.moments import share
from services.scorer.domains.behavior.samples import Places, Times, off_axis
from services.scorer.features import Feature, Features

SPAN: Final = 8  # steps of a stretch
_EVERY: Final = 4  # samples from the end of one stretch to the next
_CHORD_PX: Final = 60.0
_OFF_AXIS: Final = 0.05  # of the chord: along the axes rulers, menus and mouse keys are exact, too
# Rounding to pixels leaves a variance of a twelfth.
_EXACT_PX2: Final = 0.15
_FLOOR_PX2: Final = 0.02
_NOTHING: Final = 1e-9  # through some places goes no parabola
_ENOUGH: Final = 3

DRAWING_FEATURES: Final = {
    "pointer_stretches": Feature("count", "stretches of eight steps without a pause, long, and off the screen's axes"),
    "pointer_line_share": Feature("share", "of these, those on a straight line to the pixel"),
    "pointer_arc_share": Feature("share", "of these, those on a line or an arc to the pixel"),
    "pointer_roughness": Feature("log px", "mean logarithm of their distance from the best arc: the hand's tremor"),
}

_Floats = NDArray[np.float64]


class DrawingSums(msgspec.Struct, array_like=True):
    """Counts over stretches. ``wait`` is how many samples the next one still needs before its last."""

    wait: int = SPAN
    stretches: int = 0
    lines: int = 0
    arcs: int = 0
    log_rough: float = 0.0

    def restart(self) -> None:
        """Begin a path of its own."""
        self.wait = SPAN

    def add(self, t: Times, p: Places, seen: int, longest_ms: float) -> None:
        """Judge the stretches that end with new samples; the first ``seen`` are old, ``SPAN`` of them if there are."""
        first = seen + self.wait
        stretches, lines, arcs, log_rough, following = _judge_stretches(t, p, first, longest_ms)
        self.wait = following - len(p)
        self.stretches += stretches
        self.lines += lines
        self.arcs += arcs
        self.log_rough += log_rough

    def values(self) -> Features:
        """Give ``DRAWING_FEATURES``."""
        return {
            "pointer_stretches": self.stretches,
            "pointer_line_share": share(self.lines, self.stretches),
            "pointer_arc_share": share(self.arcs, self.stretches),
            "pointer_roughness": share(self.log_rough, self.stretches, _ENOUGH),
        }


@compiled("UniTuple(f8, 2)(f8[::1], f8[::1])")
def residuals(along: _Floats, across: _Floats) -> tuple[float, float]:
    """Give the variance across that the best line and the best parabola leave of ``SPAN`` + 1 places."""
    along, rest = along - along.mean(), across - across.mean()
    square = along * along
    spread = square.sum()
    rest -= (rest * along).sum() / spread * along
    line = (rest * rest).sum()
    bend = square - square.mean()
    bend -= (bend * along).sum() / spread * along
    bent = max((bend * bend).sum(), _NOTHING)
    return line / (SPAN - 1), (line - (rest * bend).sum() ** 2 / bent) / (SPAN - 2)


@compiled("Tuple((i8, i8, i8, f8, i8))(f8[::1], c16[::1], i8, f8)")
def _judge_stretches(t: Times, p: Places, first: int, longest_ms: float) -> tuple[int, int, int, float, int]:
    """Judge every stretch from the one that ends at a sample; give the sums, and where the next one will end."""
    stretches = lines = arcs = 0
    log_rough, end = 0.0, first
    while end < len(p):
        begin = end - SPAN
        chord = p[end] - p[begin]
        length = abs(chord)
        longest = (t[begin + 1 : end + 1] - t[begin:end]).max()
        if length >= _CHORD_PX and off_axis(chord) > _OFF_AXIS * length and longest <= longest_ms:
            turned = (p[begin : end + 1] - p[begin]) * (chord.conjugate() / length)
            line, arc = residuals(turned.real.copy(), turned.imag.copy())
            stretches += 1
            lines += line < _EXACT_PX2
            arcs += arc < _EXACT_PX2
            log_rough += 0.5 * math.log(arc + _FLOOR_PX2)
        end += _EVERY
    return stretches, lines, arcs, log_rough, end
