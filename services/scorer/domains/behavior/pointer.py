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

from services.scorer.compiled import compiled
from services.scorer.domains.behavior.clicks import CLICK_FEATURES, ClickState
from services.scorer.domains.behavior.drawing import DRAWING_FEATURES, SPAN, DrawingSums
from services.scorer.domains.behavior.moments import share
from services.scorer.domains.behavior.motion import CONTEXT, MOTION_FEATURES, MotionSums, named
from services.scorer.domains.behavior.pace import PACE_FEATURES, PaceSums
from services.scorer.domains.behavior.samples import (
    Path,
    Places,
    Tail,
    Times,
    advancing,
    oblique,
    path_of,
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


class PointerState(msgspec.Struct, array_like=True):
    """Counters, sums, and the last samples of the path: in full, and thinned for each scale."""

    moves: int = 0
    steps: int = 0
    even: int = 0
    turns: int = 0
    reversals: int = 0
    heard_ms: float = -math.inf  # when the last sample came, kept or not
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
        if samples[0][0] < self.heard_ms:
            # A late batch, or a clock set back: its samples are a path of their own.
            self.raw_tail = self.tail = self.coarse_tail = Tail()
            self.drawing.restart()
        before = self.raw_tail or self.tail
        seen = len(before)
        t, p = advancing(*before.joined(samples), seen, self.heard_ms)
        self.heard_ms = float(samples[0][-1])
        new = t[seen:], p[seen:]
        if len(t) == seen:
            return new[0], self.tail.joined(new)
        self.moves += len(t) - seen
        turns, reversals = _count_reversals(t, p, seen)
        self.turns += turns
        self.reversals += reversals
        self.pace.add(t, p, seen)
        raw_tail, seen = tail_of((t, p), _RAW_CONTEXT), len(self.tail)
        t, p = thinned(*self.tail.joined(new), seen, _APART_MS)
        if len(t) > seen:
            self.tail = tail_of((t, p), SPAN)
            self._judge_shape(t, p, seen)
        self.raw_tail = Tail() if self.tail.t.endswith(raw_tail.t) else raw_tail
        return new[0], (t, p)

    def _judge_shape(self, t: Times, p: Places, seen: int) -> None:
        """Judge the new samples of the thinned path by its lines, motion and strokes."""
        steps, even = _compare_steps(p, seen)
        self.steps += steps
        self.even += even
        last = max(0, seen - 1)
        self.strokes.add(t[last:], p[last:])
        self.drawing.add(t, p, seen, PAUSE_MS)
        self.fine.add(t, p, seen, _FINE_MS)
        self._judge_coarsely((t[seen:], p[seen:]))

    def _judge_coarsely(self, new: Path) -> None:
        """Thin new samples more, and judge the motion of what is left."""
        seen = len(self.coarse_tail)
        t, p = thinned(*self.coarse_tail.joined(new), seen, _COARSE_APART_MS)
        if len(t) > seen:
            self.coarse_tail = tail_of((t, p), CONTEXT)
            self.coarse.add(t, p, seen, PAUSE_MS)


@compiled("UniTuple(i8, 2)(f8[::1], c16[::1], i8)")
def _count_reversals(t: Times, p: Places, seen: int) -> tuple[int, int]:
    """Count the turns at new samples that are sampled finely enough, and of these the reversals."""
    elapsed, step = t[1:] - t[:-1], p[1:] - p[:-1]
    length = np.abs(step)
    back = (step[1:] * step[:-1].conj()).real < 0
    turns = reversals = 0
    for last in range(max(seen, _RAW_CONTEXT) - 1, len(step)):
        slower = min(length[last - 1], length[last])
        if elapsed[last - 2 : last + 1].max() <= _FINE_SAMPLING_MS and slower >= _SENSOR_FLICKER_PX:
            turns += 1
            unbraked = slower >= _TURN_SPEED_KEPT * length[last - 2] or back[last - 2]
            reversals += back[last - 1] and unbraked
    return turns, reversals


@compiled("UniTuple(i8, 2)(c16[::1], i8)")
def _compare_steps(p: Places, seen: int) -> tuple[int, int]:
    """Count neighbouring double steps that end with new samples, and of these the even ones."""
    steps = even = 0
    for last in range(max(seen, 4), len(p)):
        before, after = p[last - 2] - p[last - 4], p[last] - p[last - 2]
        before_px = abs(p[last - 3] - p[last - 4]) + abs(p[last - 2] - p[last - 3])
        after_px = abs(p[last - 1] - p[last - 2]) + abs(p[last] - p[last - 1])
        both_px = before_px + after_px
        if both_px >= _COMPARABLE_PX and oblique(before) and oblique(after):
            steps += 1
            even += abs(after_px - before_px) <= _EVEN_DIFFERENCE * both_px
    return steps, even


def _growth(fine: FeatureValue, coarse: FeatureValue) -> float | None:
    # A hundredth keeps straight lines finite.
    return None if fine is None or coarse is None else math.log((coarse + 0.01) / (fine + 0.01))


_UNMOVED: Final = PointerState()._values()
