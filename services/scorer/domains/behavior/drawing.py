"""How exactly a path is drawn: a hand trembles by more than a pixel, a program's line or curve is exact to the pixel.

Stretches of the path are compared with the best straight line and the best arc (a parabola) through them, across the
direction of travel. So neither the pace nor the clock counts. What remains of a drawn curve is the rounding to pixels;
what remains of a hand is its tremor.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.domains.behavior.moments import share
from services.scorer.domains.behavior.samples import Places, Steps, off_axis
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
_STEPS: Final = np.arange(-SPAN, 0)
_SAMPLES: Final = np.arange(-SPAN, 1)
# Takes the mean off each row that is multiplied by it.
_CENTRE: Final = np.eye(SPAN + 1) - 1 / (SPAN + 1)


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

    def add(self, p: Places, steps: Steps, seen: int, longest_ms: float) -> None:
        """Judge the stretches that end with new samples; the first ``seen`` are old, ``SPAN`` of them if there are."""
        ends = np.arange(seen + self.wait, len(p), _EVERY)[:, None]
        if not len(ends):
            self.wait += seen - len(p)
            return
        self.wait = int(ends[-1, 0]) + _EVERY - len(p)
        places = p[ends + _SAMPLES]
        places -= places[:, :1]
        chord = places[:, -1]
        length = np.abs(chord)
        judged = (length >= _CHORD_PX) & (off_axis(chord) > _OFF_AXIS * length)
        judged &= steps.elapsed[ends + _STEPS].max(axis=1) <= longest_ms
        count = int(np.count_nonzero(judged))
        if not count:
            return
        turned = (places * (chord.conj() / np.maximum(length, 1))[:, None])[judged]
        line, arc = residuals(turned.real, turned.imag)
        self.stretches += count
        self.lines += int(np.count_nonzero(line < _EXACT_PX2))
        self.arcs += int(np.count_nonzero(arc < _EXACT_PX2))
        self.log_rough += 0.5 * float(np.log(arc + _FLOOR_PX2).sum())

    def values(self) -> Features:
        """Give ``DRAWING_FEATURES``."""
        return {
            "pointer_stretches": self.stretches,
            "pointer_line_share": share(self.lines, self.stretches),
            "pointer_arc_share": share(self.arcs, self.stretches),
            "pointer_roughness": share(self.log_rough, self.stretches, _ENOUGH),
        }


def residuals(along: _Floats, across: _Floats) -> tuple[_Floats, _Floats]:
    """Give the variance across that the best line and the best parabola leave, for each row of ``SPAN`` + 1 places."""
    along, rest = along @ _CENTRE, across @ _CENTRE
    square = along * along
    spread = square.sum(axis=1)
    rest -= ((rest * along).sum(axis=1) / spread)[:, None] * along
    line = (rest * rest).sum(axis=1)
    bend = square @ _CENTRE
    bend -= ((bend * along).sum(axis=1) / spread)[:, None] * along
    bent = np.maximum((bend * bend).sum(axis=1), _NOTHING)
    return line / (SPAN - 1), (line - (rest * bend).sum(axis=1) ** 2 / bent) / (SPAN - 2)
