"""How a path moves from sample to sample: sums over windows of four samples, all free of units.

A hand is a mass on springs: its speed and direction change smoothly but never evenly, it slows down in curves (the
two-thirds power law, Lacquaniti et al. 1983), and what it does in one moment follows from the one before. Programs are
too even, too rough, or change without memory. Two scales are kept, since recorders differ: a fine one for what a
device reports every few hundredths of a second, a coarse one that any recorder of 10 Hz and more can fill.
"""

import math
from collections.abc import Mapping
from functools import cache
from operator import add
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.compiled import compiled, inlined
from services.scorer.domains.behavior.moments import correlation, share, tails, variance
from services.scorer.domains.behavior.samples import Places, Times, oblique
from services.scorer.features import Feature, Features

CONTEXT: Final = 3  # samples of a window before its last

# Slower steps are at the mercy of the pixel grid: 5 px, rounded, are off by a tenth of a radian at most.
_CLEAR_PX: Final = 5.0
_STILL_PX: Final = 0.5
_EVEN: Final = 0.1  # about a tenth faster or slower
_DIP: Final = -0.25  # a fifth slower than both neighbours
_FLAT_RAD: Final = 0.03
_SHARP_RAD: Final = 1.0
_TURNING_RAD: Final = 0.02
_ENOUGH: Final = 8

# What is kept: sums over all windows, over those with clear steps, and over those of them that turn.
_ALL_SUMS: Final = 5
_CLEAR_SUMS: Final = 23
_TURNING_SUMS: Final = 6
_TURNING: Final = _ALL_SUMS + _CLEAR_SUMS

_Sums = NDArray[np.float64]

MOTION_FEATURES: Final = {
    "windows": Feature("count", "runs of four samples without a pause"),
    "clear": Feature("count", "of these, those with steps long enough to tell angles"),
    "speed_spread": Feature("log ratio", "standard deviation of the logarithm of speed"),
    "speed_skew": Feature("ratio", "its skewness: below zero when slow moments trail off"),
    "speed_tails": Feature("ratio", "its kurtosis, 3 for a bell curve: below, two paces; above, bursts"),
    "speed_change": Feature("log ratio", "mean size of the change of speed from step to step"),
    "speed_change_lag": Feature("ratio", "correlation of neighbouring changes: -0.5 for noise, above 0 for smoothness"),
    "speed_change_tails": Feature("log ratio", "logarithm of the kurtosis of changes of speed"),
    "even_share": Feature("share", "changes of speed under a tenth"),
    "rise_share": Feature("share", "speeding up among clear changes of speed: hands take longer to brake"),
    "dip_share": Feature("share", "steps a fifth slower than both neighbours"),
    "turn": Feature("rad", "mean size of the turn from step to step"),
    "turn_lag": Feature("ratio", "correlation of neighbouring turns: -0.5 for noise, near 1 for a drawn curve"),
    "turn_tails": Feature("log ratio", "logarithm of the kurtosis of turns"),
    "flat_share": Feature(
        "share", "steps that go on straight, of those along none of the eight directions of rulers and keys"
    ),
    "sharp_share": Feature("share", "turns of more than 1 rad"),
    "turn_to_change": Feature("log ratio", "size of turns over size of changes of speed"),
    "change_speed_correlation": Feature("ratio", "correlation of the size of changes of speed with the speed"),
    "turn_change_correlation": Feature("ratio", "correlation of the sizes of turns and of changes of speed"),
    "turn_braking": Feature(
        "ratio", "correlation of the size of turns with the change of speed: hands brake into them"
    ),
    "turn_speed_correlation": Feature("ratio", "correlation of the logarithms of turn and speed: hands brake to turn"),
}


class MotionSums(msgspec.Struct, array_like=True):
    """Sums over windows, in the order of `_sum_windows`."""

    sums: tuple[float, ...] = (0.0,) * (_TURNING + _TURNING_SUMS)

    def add(self, t: Times, p: Places, seen: int, longest_ms: float) -> None:
        """Add the windows that end with new samples; the first ``seen`` are old.

        A window counts when none of its steps took longer than ``longest_ms``.
        """
        if len(t) > max(seen, CONTEXT):
            self.sums = tuple(map(add, self.sums, _sum_windows(t, p, seen, longest_ms).tolist()))

    def values(self, prefix: str) -> Features:
        """Give the features of ``MOTION_FEATURES``, their names with a prefix."""
        windows, clear = self.sums[0], self.sums[_ALL_SUMS]
        values = (
            int(windows),
            int(clear),
            *(_paces(*self.sums[:_ALL_SUMS]) if windows >= _ENOUGH else _NO_PACES),
            *(_shapes(*self.sums[_ALL_SUMS:_TURNING]) if clear >= _ENOUGH else _NO_SHAPES),
            correlation(self.sums[_TURNING:], _ENOUGH),
        )
        return dict(zip(_names(prefix), values, strict=True))


def named(prefix: str, table: Mapping[str, Feature]) -> dict[str, Feature]:
    """Give a table with a prefix before its names."""
    return {prefix + name: row for name, row in table.items()}


@inlined
def _clear_terms(
    speed: float, before: float, change: float, turn_before: float, turn: float, free: bool
) -> tuple[float, ...]:
    """Give what a window with clear steps adds, in the order in which `_shapes` takes the sums."""
    size, bend = abs(change), abs(turn)
    return (
        1.0, size, change**2, change**4, change * before, before**2,
        bend, turn**2, turn**4, turn * turn_before, turn_before**2,
        1.0 * (size < _EVEN), 1.0 * (change >= _EVEN), 1.0 * (before <= _DIP and change >= -_DIP),
        1.0 * free, 1.0 * (free and bend < _FLAT_RAD), 1.0 * (bend > _SHARP_RAD),
        speed, speed**2, size * speed, bend * size, bend * change, change,
    )  # fmt: skip


@inlined
def _add(sums: _Sums, terms: tuple[float, ...]) -> None:
    for row, term in enumerate(terms):
        sums[row] += term


@compiled("f8[::1](f8[::1], c16[::1], i8, f8)")
def _sum_windows(t: Times, p: Places, seen: int, longest_ms: float) -> _Sums:
    """Sum the windows up that end with new samples, each given by its last two changes of speed and of direction."""
    elapsed, step = t[1:] - t[:-1], p[1:] - p[:-1]
    length = np.abs(step)
    speed = np.log(np.maximum(length, _STILL_PX) / elapsed)
    turn = np.angle(step[1:] * step[:-1].conj())
    every, clear, turning = np.zeros(_ALL_SUMS), np.zeros(_CLEAR_SUMS), np.zeros(_TURNING_SUMS)
    for last in range(max(seen, CONTEXT) - 1, len(step)):
        if elapsed[last - 2 : last + 1].max() > longest_ms:
            continue
        pace, pace2 = speed[last], speed[last] ** 2
        _add(every, (1.0, pace, pace2, pace * pace2, pace2 * pace2))
        if length[last - 2 : last + 1].min() < _CLEAR_PX:
            continue
        before, change = speed[last - 1] - speed[last - 2], pace - speed[last - 1]
        bend_before, bend = turn[last - 2], turn[last - 1]
        _add(clear, _clear_terms(pace, before, change, bend_before, bend, oblique(step[last])))
        if abs(bend) >= _TURNING_RAD:
            log_bend = math.log(abs(bend))
            _add(turning, (1.0, log_bend, pace, log_bend * log_bend, pace2, log_bend * pace))
    return np.concatenate((every, clear, turning))


@cache
def _names(prefix: str) -> tuple[str, ...]:
    return tuple(named(prefix, MOTION_FEATURES))


def _paces(count: float, total: float, squares: float, cubes: float, fourths: float) -> tuple[float | None, ...]:
    """Give spread, skewness and kurtosis."""
    mean, spread2 = total / count, variance(count, total, squares)
    if not spread2:
        return 0.0, None, None
    third = cubes / count - 3 * mean * squares / count + 2 * mean**3
    fourth = fourths / count - 4 * mean * cubes / count + 6 * mean**2 * squares / count - 3 * mean**4
    return math.sqrt(spread2), third / spread2**1.5, fourth / spread2**2


def _shapes(
    clear: float,
    change: float,
    change2: float,
    change4: float,
    change_lag: float,
    change_before2: float,
    turn: float,
    turn2: float,
    turn4: float,
    turn_lag: float,
    turn_before2: float,
    even: float,
    rising: float,
    dips: float,
    free: float,
    flat: float,
    sharp: float,
    clear_speed: float,
    clear_speed2: float,
    change_speed: float,
    turn_change: float,
    turn_braking: float,
    signed_change: float,
) -> tuple[float | None, ...]:
    """Give what is known of windows with clear steps, from ``speed_change`` to ``turn_braking``."""
    change_spread2, turn_spread2 = variance(clear, change, change2), variance(clear, turn, turn2)
    signed_spread2 = variance(clear, signed_change, change2)
    speed_spread2 = variance(clear, clear_speed, clear_speed2)
    return (
        change / clear,
        _over(change_lag, change2 * change_before2),
        tails(clear, change2, change4, _ENOUGH),
        even / clear,
        share(rising, clear - even, _ENOUGH),
        dips / clear,
        turn / clear,
        _over(turn_lag, turn2 * turn_before2),
        tails(clear, turn2, turn4, _ENOUGH),
        share(flat, free, _ENOUGH),
        sharp / clear,
        # Half, since both are squares; a millionth keeps perfect evenness finite.
        0.5 * math.log((turn2 / clear + 1e-6) / (change2 / clear + 1e-6)),
        _over((change_speed - change * clear_speed / clear) / clear, change_spread2 * speed_spread2),
        _over((turn_change - turn * change / clear) / clear, turn_spread2 * change_spread2),
        _over((turn_braking - turn * signed_change / clear) / clear, turn_spread2 * signed_spread2),
    )


def _over(product: float, squares: float) -> float | None:
    """Give a correlation from a mean product and the product of both mean squares."""
    return max(-1.0, min(1.0, product / math.sqrt(squares))) if squares > 0 else None


_NO_PACES: Final = (None,) * 3
_NO_SHAPES: Final = (None,) * (len(MOTION_FEATURES) - 6)
