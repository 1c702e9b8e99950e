"""How a mouse or pen moves: its path at two scales, its strokes, and counters over short windows.

The path's shape is judged on samples a few milliseconds apart, so that fast devices do not look smoother than slow
ones. The last samples are kept: windows reach across batches, and no value depends on how a session was cut. Fingers
are no part of this: they jump by nature.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.domains.behavior.clicks import CLICK_FEATURES, ClickState
from services.scorer.domains.behavior.drawing import DRAWING_FEATURES, SPAN, DrawingSums
from services.scorer.domains.behavior.moments import share
from services.scorer.domains.behavior.motion import CONTEXT, MOTION_FEATURES, MotionSums, add_windows, named
from services.scorer.domains.behavior.pace import CONTEXT as PACE_CONTEXT
from services.scorer.domains.behavior.pace import PACE_FEATURES, PaceSums
from services.scorer.domains.behavior.samples import (
    Path,
    Steps,
    Tail,
    Times,
    advancing,
    oblique,
    path_of,
    steps_of,
    tail_of,
    thinned,
)
from services.scorer.domains.behavior.strokes import PAUSE_MS, STROKE_FEATURES, StrokeSums
from services.scorer.features import Feature, Features, FeatureValue
from shared.contracts.behavior import PointerDown, PointerMove, PointerTrack, PointerUp

_FINE: Final = "pointer_fine_"
_COARSE: Final = "pointer_coarse_"
_STROKE: Final = "pointer_stroke_"

POINTER_FEATURES: Final = {
    "pointer_moves": Feature("count", "samples of the path"),
    "pointer_interval_ms": Feature("ms", "mean time between samples, pauses left out: the recorder, not the person"),
    "pointer_turn_growth": Feature("log ratio", "coarse turns over fine ones: large for bows, below 0 for noise"),
    "pointer_change_growth": Feature("log ratio", "the same of changes of speed"),
    "pointer_steps": Feature("count", "neighbouring double steps long enough to compare their lengths"),
    "pointer_even_share": Feature("share", "of these, those whose lengths differ by a tenth at most"),
    "pointer_turns": Feature("count", "turns sampled finely enough to tell a hand's from others"),
    "pointer_reversals": Feature("count", "of these, turns back without braking, or twice in a row"),
    "pointer_reversal_share": Feature("share", "reversals of all turns"),
    **named(_FINE, MOTION_FEATURES),
    **named(_COARSE, MOTION_FEATURES),
    **named(_STROKE, STROKE_FEATURES),
    **DRAWING_FEATURES,
    **PACE_FEATURES,
    **CLICK_FEATURES,
}

# Finer samples are no news: a hand changes little in between, and 60 to 1,000 Hz devices become comparable.
_APART_MS: Final = 12.0
_RAW_CONTEXT: Final = 3  # samples of a reversal before its last
# From here on a step is a good part of a movement, and its changes are no more those of a hand's tremor.
_FINE_MS: Final = 40.0
# About a submovement. Recorders of 10 Hz and more come near it.
_COARSE_APART_MS: Final = 96.0
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

_Complexes = NDArray[np.complex128]


_NO_STEPS: Final = Steps(np.empty(0), np.empty(0, complex), np.empty(0))


class PointerState(msgspec.Struct, array_like=True):
    """Counters, sums, and the last samples of the path: in full, and thinned for each scale."""

    moves: int = 0
    steps: int = 0
    even: int = 0
    turns: int = 0
    reversals: int = 0
    raw_tail: Tail = msgspec.field(default_factory=Tail)  # none where the thinned path ends alike
    tail: Tail = msgspec.field(default_factory=Tail)
    coarse_tail: Tail = msgspec.field(default_factory=Tail)
    fine: MotionSums = msgspec.field(default_factory=MotionSums)
    coarse: MotionSums = msgspec.field(default_factory=MotionSums)
    strokes: StrokeSums = msgspec.field(default_factory=StrokeSums)
    clicks: ClickState = msgspec.field(default_factory=ClickState)
    drawing: DrawingSums = msgspec.field(default_factory=DrawingSums)
    pace: PaceSums = msgspec.field(default_factory=PaceSums)

    def observe(
        self,
        moves: Sequence[PointerMove],
        tracks: Sequence[PointerTrack],
        downs: Sequence[PointerDown],
        ups: Sequence[PointerUp],
    ) -> None:
        """Fold the pointer events of one batch in."""
        samples = path_of([m for m in moves if m.pointer != "touch"], [t for t in tracks if t.pointer != "touch"])
        new_times, thin = self._follow(samples) if len(samples[0]) else (samples[0], self.tail.joined(samples))
        self.clicks.observe(downs, ups, new_times, thin)

    def values(self) -> Features:
        """Give the features of ``POINTER_FEATURES``."""
        return self._values() if self.moves or self.clicks.presses else _UNMOVED

    def _values(self) -> Features:
        fine, coarse = self.fine.values(_FINE), self.coarse.values(_COARSE)
        return {
            "pointer_moves": self.moves,
            "pointer_interval_ms": share(self.strokes.moving_ms, self.strokes.steps),
            "pointer_turn_growth": _growth(fine[_FINE + "turn"], coarse[_COARSE + "turn"]),
            "pointer_change_growth": _growth(fine[_FINE + "speed_change"], coarse[_COARSE + "speed_change"]),
            "pointer_steps": self.steps,
            "pointer_even_share": share(self.even, self.steps),
            "pointer_turns": self.turns,
            "pointer_reversals": self.reversals if self.turns else None,
            "pointer_reversal_share": share(self.reversals, self.turns),
            **fine,
            **coarse,
            **self.strokes.values(_STROKE),
            **self.drawing.values(),
            **self.pace.values(),
            **self.clicks.values(),
        }

    def _follow(self, samples: Path) -> tuple[Times, Path]:
        """Extend the path; give the times of its new samples, and the thinned path that they end."""
        if samples[0][0] < (self.raw_tail or self.tail).ended_at:
            # A late batch, or a clock set back: its samples are a path of their own.
            self.raw_tail = self.tail = self.coarse_tail = Tail()
            self.drawing.restart()
        before = self.raw_tail or self.tail
        seen = len(before)
        t, p, steps = advancing(*before.joined(samples), seen)
        if len(t) == seen:
            return t[seen:], self.tail.joined((t[seen:], p[seen:]))
        self.moves += len(t) - seen
        self._find_reversals(steps.since(max(0, seen - _RAW_CONTEXT)))
        self.pace.add(steps.since(max(0, seen - PACE_CONTEXT)))
        new_times = t[seen:]
        raw_tail = tail_of((t, p), _RAW_CONTEXT)
        if self.raw_tail or np.count_nonzero(steps.elapsed[max(0, seen - 1) :] < _APART_MS):
            t, p = self.tail.joined((t[seen:], p[seen:]))
            seen = len(self.tail)
            t, p = thinned(t, p, seen, _APART_MS)
            steps = steps_of(t, p)
        if len(t) > seen:
            self.tail = tail_of((t, p), SPAN)
            self._judge_shape(t, p, steps, seen)
        self.raw_tail = Tail() if self.tail.t.endswith(raw_tail.t) else raw_tail
        return new_times, (t, p)

    def _find_reversals(self, steps: Steps) -> None:
        elapsed, step, length = steps
        if len(length) < _RAW_CONTEXT:
            return
        fine = elapsed <= _FINE_SAMPLING_MS
        back = (step[1:] * step[:-1].conj()).real < 0
        slower = np.minimum(length[1:-1], length[2:])
        judged = fine[:-2] & fine[1:-1] & fine[2:] & (slower >= _SENSOR_FLICKER_PX)
        self.turns += int(np.count_nonzero(judged))
        reversed_ = judged & back[1:]
        if np.count_nonzero(reversed_):
            unbraked = (slower >= _TURN_SPEED_KEPT * length[:-2]) | back[:-1]
            self.reversals += int(np.count_nonzero(reversed_ & unbraked))

    def _judge_shape(self, t: Times, p: _Complexes, steps: Steps, seen: int) -> None:
        """Judge the new samples of the thinned path by its lines, motion and strokes."""
        # A window is new when its last sample is; it starts that many samples earlier.
        double, context = max(0, seen - 4), max(0, seen - CONTEXT)
        self._compare_steps(steps.since(double))
        last = max(0, seen - 1)
        self.strokes.add(t[last:], p[last:], steps.since(last))
        self.drawing.add(p, steps, seen, PAUSE_MS)
        coarse = self._coarse_steps((t[seen:], p[seen:]))
        add_windows([(self.fine, steps.since(context), _FINE_MS), (self.coarse, coarse, PAUSE_MS)])

    def _coarse_steps(self, new: Path) -> Steps:
        """Thin new samples more; give the steps of which windows are new."""
        seen = len(self.coarse_tail)
        t, p = thinned(*self.coarse_tail.joined(new), seen, _COARSE_APART_MS)
        if len(t) == seen:
            return _NO_STEPS
        self.coarse_tail = tail_of((t, p), CONTEXT)
        return steps_of(t, p)

    def _compare_steps(self, steps: Steps) -> None:
        _, step, length = steps
        if len(length) < 4:
            return
        free, two = oblique(step[1:] + step[:-1]), length[1:] + length[:-1]
        both, differ = two[2:] + two[:-2], np.abs(two[2:] - two[:-2])
        judged = free[2:] & free[:-2] & (both >= _COMPARABLE_PX)
        self.steps += int(np.count_nonzero(judged))
        self.even += int(np.count_nonzero(judged & (differ <= _EVEN_DIFFERENCE * both)))


def _growth(fine: FeatureValue, coarse: FeatureValue) -> float | None:
    # A hundredth keeps straight lines finite.
    return None if fine is None or coarse is None else math.log((coarse + 0.01) / (fine + 0.01))


_UNMOVED: Final = PointerState()._values()
