"""How a path moves from sample to sample: sums over windows of four samples, all free of units.

A hand is a mass on springs: its speed and direction change smoothly but never evenly, it slows down in curves (the
two-thirds power law, Lacquaniti et al. 1983), and what it does in one moment follows from the one before. Programs are
too even, too rough, or change without memory. Two scales are kept, since recorders differ: a fine one for what a
device reports every few hundredths of a second, a coarse one that any recorder of 10 Hz and more can fill.
"""

import cmath
import math
from collections.abc import Mapping, Sequence
from functools import cache
from operator import add
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.domains.behavior.moments import correlation, share, tails, variance
from services.scorer.domains.behavior.samples import Steps, joined, oblique
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

_Rows = NDArray[np.float64]

# What is known of each window: first of all, then of those with clear steps.
_ROWS: Final = (
    "all", "speed", "speed2",
    "clear", "change", "change_size", "change2", "change_before", "turn", "turn_size", "turn2", "turn_before",
    "even", "rising", "dip", "oblique", "flat", "sharp", "clear_speed",
    "turning", "log_turn", "turning_speed",
)  # fmt: skip
_CLEAR_ROWS: Final = _ROWS.index("clear")
# The sums that are kept: each of the product of two rows.
_SUMS: Final = {
    "windows": ("all", "all"),
    "speed": ("all", "speed"),
    "speed2": ("speed", "speed"),
    "speed3": ("speed", "speed2"),
    "speed4": ("speed2", "speed2"),
    "clear": ("clear", "clear"),
    "change": ("clear", "change_size"),
    "change2": ("change", "change"),
    "change4": ("change2", "change2"),
    "change_lag": ("change", "change_before"),
    "change_before2": ("change_before", "change_before"),
    "turn": ("clear", "turn_size"),
    "turn2": ("turn", "turn"),
    "turn4": ("turn2", "turn2"),
    "turn_lag": ("turn", "turn_before"),
    "turn_before2": ("turn_before", "turn_before"),
    "even": ("clear", "even"),
    "rising": ("clear", "rising"),
    "dips": ("clear", "dip"),
    "oblique": ("clear", "oblique"),
    "flat": ("clear", "flat"),
    "sharp": ("clear", "sharp"),
    "clear_speed": ("clear", "clear_speed"),
    "clear_speed2": ("clear_speed", "clear_speed"),
    "change_speed": ("change_size", "clear_speed"),
    "turn_change": ("turn_size", "change_size"),
    "turn_braking": ("turn_size", "change"),
    "signed_change": ("clear", "change"),
    "turning": ("turning", "turning"),
    "log_turn": ("turning", "log_turn"),
    "turning_speed": ("turning", "turning_speed"),
    "log_turn2": ("log_turn", "log_turn"),
    "turning_speed2": ("turning_speed", "turning_speed"),
    "log_turn_speed": ("log_turn", "turning_speed"),
}
_CLEAR: Final = list(_SUMS).index("clear")
_TURNING: Final = list(_SUMS).index("turning")
_PAIRS: Final = [(_ROWS.index(one), _ROWS.index(other)) for one, other in _SUMS.values()]
_PRODUCTS: Final = np.array([one * len(_ROWS) + other for one, other in _PAIRS])

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
    """Sums in the order of ``_SUMS``."""

    sums: tuple[float, ...] = (0.0,) * len(_SUMS)

    def add(self, rows: _Rows) -> None:
        """Add windows, given as columns of ``_ROWS``; zeros are none."""
        products = rows @ rows.copy().T  # of two arrays it is quicker than of one with itself
        self.sums = tuple(map(add, self.sums, products.take(_PRODUCTS).tolist()))

    def values(self, prefix: str) -> Features:
        """Give the features of ``MOTION_FEATURES``, their names with a prefix."""
        windows, clear = self.sums[0], self.sums[_CLEAR]
        values = (
            int(windows),
            int(clear),
            *(_paces(*self.sums[:_CLEAR]) if windows >= _ENOUGH else _NO_PACES),
            *(_shapes(*self.sums[_CLEAR:_TURNING]) if clear >= _ENOUGH else _NO_SHAPES),
            correlation(self.sums[_TURNING:], _ENOUGH),
        )
        return dict(zip(_names(prefix), values, strict=True))


def add_windows(scales: Sequence[tuple[MotionSums, Steps, float]]) -> None:
    """Add every window of steps to its sums, at all scales at once: that costs hardly more than at one.

    Parameters
    ----------
    scales
        The sums, the steps of a path, and how many ms a step may take at most.
    """
    for scale in scales:
        if len(scale[1].length) == CONTEXT:
            _add_window(*scale)
    scales = [scale for scale in scales if len(scale[1].length) > CONTEXT]
    if not scales:
        return
    elapsed, step, length = joined([steps for _, steps, _ in scales])
    quick = np.concatenate([steps.elapsed <= longest_ms for _, steps, longest_ms in scales])
    unbroken = quick[2:] & quick[1:-1] & quick[:-2]
    if not np.count_nonzero(unbroken):
        return
    slowest = np.minimum(np.minimum(length[2:], length[1:-1]), length[:-2])
    rows = _rows(Steps(elapsed, step, length))
    rows[:_CLEAR_ROWS] *= unbroken
    rows[_CLEAR_ROWS:] *= unbroken & (slowest >= _CLEAR_PX)
    start = 0
    for sums, steps, _ in scales:
        end = start + len(steps.length)
        sums.add(rows[:, start : end - CONTEXT + 1])  # windows from one scale to the next are left out
        start = end


def _add_window(sums: MotionSums, steps: Steps, longest_ms: float) -> None:
    """Add the only window of three steps: most batches of one event bring no more."""
    elapsed, step, length = (column.tolist() for column in steps)
    if max(elapsed) > longest_ms:
        return
    speeds = [math.log(max(px, _STILL_PX) / ms) for px, ms in zip(length, elapsed, strict=True)]
    before, change = speeds[1] - speeds[0], speeds[2] - speeds[1]
    turn_before, turn = (cmath.phase(step[end] * step[end - 1].conjugate()) for end in (1, 2))
    log_bend, free = math.log(max(abs(turn), _TURNING_RAD)), bool(oblique(step[2]))
    row = _row(1.0, speeds[2], before, change, turn_before, turn, log_bend, free)
    if min(length) < _CLEAR_PX:
        row[_CLEAR_ROWS:] = [0.0] * (len(_ROWS) - _CLEAR_ROWS)
    sums.sums = tuple(map(add, sums.sums, [row[one] * row[other] for one, other in _PAIRS]))


def named(prefix: str, table: Mapping[str, Feature]) -> dict[str, Feature]:
    """Give a table with a prefix before its names."""
    return {prefix + name: row for name, row in table.items()}


def _rows(steps: Steps) -> _Rows:
    """Give ``_ROWS``, a column for each window."""
    elapsed, step, length = steps
    speed = np.log(np.maximum(length, _STILL_PX) / elapsed)
    change = speed[1:] - speed[:-1]
    rotation = step[1:] * step[:-1].conj()
    turn = np.arctan2(rotation.imag, rotation.real)
    log_bend = np.log(np.maximum(np.abs(turn[1:]), _TURNING_RAD))
    one, free = np.ones(len(log_bend)), oblique(step[2:])
    rows = _row(one, speed[2:], change[:-1], change[1:], turn[:-1], turn[1:], log_bend, free)
    return np.concatenate(rows).reshape(len(_ROWS), len(one))


def _row(
    one: Any, speed: Any, before: Any, change: Any, turn_before: Any, turn: Any, log_bend: Any, free: Any
) -> list[Any]:
    """Give ``_ROWS``: of one window as numbers, of many as arrays."""
    size, bend = abs(change), abs(turn)
    turning, dip = bend >= _TURNING_RAD, (before <= _DIP) & (change >= -_DIP)
    return [
        one, speed, speed * speed,
        one, change, size, change * change, before, turn, bend, turn * turn, turn_before,
        size < _EVEN, change >= _EVEN, dip, free, free & (bend < _FLAT_RAD), bend > _SHARP_RAD, speed,
        turning, log_bend * turning, speed * turning,
    ]  # fmt: skip


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
