"""A path cut at pauses into strokes, each summed up by numbers free of units.

A reach of the hand speeds up and slows down in one bell or several (minimum jerk, Flash and Hogan 1985), bends a
little, and no two are alike. A stroke is kept as sums over its steps, so that one that goes on across batches needs
no samples. The stroke under way is part of the features: a session need not pause to be judged.
"""

import math
from functools import cache
from operator import add
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.compiled import compiled
from services.scorer.domains.behavior.moments import correlation, share, spread, variance
from services.scorer.domains.behavior.samples import Places, Times
from services.scorer.features import Feature, Features

PAUSE_MS: Final = 250.0  # 10 Hz recorders of remote desktops leave 140 ms between samples of one movement
_LONGEST_MS: Final = 3_000.0
_STROKE_STEPS: Final = 4
_STROKE_PX: Final = 25.0
_ENOUGH: Final = 3

# Of the stroke under way, by step: s is path and t time since its start, both at the middle of the step.
_STEP_SUMS: Final = ("steps", "path", "energy", "energy_t", "s2", "s_t3", "s_t4", "s_t5", "area")
_NO_STEPS: Final = (0.0,) * len(_STEP_SUMS)
# The square of the minimum-jerk profile 10 u^3 - 15 u^4 + 6 u^5, integrated over u from 0 to 1.
_MINIMUM_JERK_SQUARED: Final = 100 / 7 + 225 / 9 + 36 / 11 - 300 / 8 + 120 / 9 - 180 / 10

# Each is kept as sum and sum of squares over strokes.
_TRAITS: Final = ("straightness", "bow", "unevenness", "centre", "jerk_residual", "log_ms", "log_px", "log_speed")
_LOG_MS: Final = _TRAITS.index("log_ms")
_LOG_PX: Final = _TRAITS.index("log_px")

STROKE_FEATURES: Final = {
    "strokes": Feature("count", "movements between pauses, long enough to have a shape"),
    "straightness": Feature("ratio", "their mean distance over path"),
    "straightness_spread": Feature("ratio", "its standard deviation"),
    "bow": Feature("ratio", "root mean square of the area between path and chord over the path's square"),
    "unevenness": Feature("ratio", "mean of squared speed over square of mean speed: 1 even, 1.43 minimum jerk"),
    "unevenness_spread": Feature("ratio", "its standard deviation"),
    "centre": Feature("share", "when, in the stroke, the energy is spent: 0.5 in the middle, hands sooner"),
    "centre_spread": Feature("share", "its standard deviation"),
    "jerk_residual": Feature("share", "mean distance of progress from that of minimum jerk (Flash and Hogan 1985)"),
    "jerk_residual_spread": Feature("share", "its standard deviation"),
    "duration_spread": Feature("log ratio", "standard deviation of the logarithm of their durations"),
    "length_spread": Feature("log ratio", "standard deviation of the logarithm of their lengths"),
    "speed_spread": Feature("log ratio", "standard deviation of the logarithm of their mean speeds"),
    "duration_length_correlation": Feature("ratio", "correlation of both logarithms: longer ways take longer (Fitts)"),
    "novelty": Feature("log ratio", "mean logarithm of the distance in shape to the most similar of 16 strokes before"),
    "repeat_share": Feature("share", "strokes with the shape of one of the 16 before them, turned and scaled or not"),
    "leaps": Feature("count", "far places the pointer was seen at only once, before and after a pause"),
    "leap_share": Feature("share", "of these and of movements, however short"),
    "duration_length_slope": Feature("ratio", "slope of both logarithms: 0 for one duration, 1 for one speed"),
    "onset": Feature(
        "log ratio", "mean logarithm of the first sign of a movement over its mean step: hands start small"
    ),
    "halt": Feature("log ratio", "mean logarithm of the last step of a movement over its mean step"),
    "pauses": Feature("count", "stops of a quarter of a second and more, up to a minute"),
    "pause_spread": Feature("log ratio", "standard deviation of the logarithm of their durations"),
}

_LEAP_PX: Final = 100.0
_LONGEST_PAUSE_MS: Final = 60_000.0
# The first five traits tell a shape whatever its size and direction; weighed so that a typical difference is a tenth.
_SHAPE_WEIGHTS: Final = np.array((1.0, 4.0, 0.5, 1.0, 1.0))
_REMEMBERED_SHAPES: Final = 16
_FORGOTTEN: Final = -_REMEMBERED_SHAPES * _SHAPE_WEIGHTS.nbytes
_SAME_SHAPE: Final = 0.01


class Stroke(msgspec.Struct, array_like=True):
    """The stroke under way: start, end and its sums in the order of ``_STEP_SUMS`` (ms and px)."""

    start_ms: float = 0.0
    start_x: float = 0.0
    start_y: float = 0.0
    end_ms: float = 0.0
    end_x: float = 0.0
    end_y: float = 0.0
    leap_px: float = 0.0  # from the end of the stroke before
    last_px: float = 0.0  # the last step
    sums: tuple[float, ...] = _NO_STEPS


class StrokeSums(msgspec.Struct, array_like=True):
    """Sums over finished strokes and pauses, and the stroke under way."""

    count: int = 0
    leaps: int = 0
    walks: int = 0
    traits: tuple[float, ...] = (0.0,) * (2 * len(_TRAITS))
    log_ms_px: float = 0.0
    shapes: bytes = b""
    compared: int = 0
    log_novelty: float = 0.0
    repeats: int = 0
    onsets: int = 0
    log_onset: float = 0.0
    log_halt: float = 0.0
    steps: int = 0
    moving_ms: float = 0.0
    pauses: int = 0
    log_pause: float = 0.0
    log_pause2: float = 0.0
    open: Stroke | None = None

    def add(self, t: Times, p: Places) -> None:
        """Add new samples, the last one of the path so far before them."""
        if self.open is None:
            self.open = _begin(t[0], p[0])
        elif t[0] != self.open.end_ms:
            self._finish(self.open)  # a late batch, or a clock set back
            self.open = _begin(t[0], p[0])
        self.steps += len(t) - 1
        self.moving_ms += float(t[-1] - t[0])
        row, last = 0, len(t) - 1
        while row < last:
            row = _walked(self.open, t, p, row)
            following = row if self.open.end_ms - self.open.start_ms > _LONGEST_MS else row + 1
            if following > last:
                return
            if following > row:
                self._pause(float(t[following] - t[row]))
            self._finish(self.open)
            self.open = _begin(t[following], p[following])
            self.open.leap_px = float(abs(p[following] - p[row]))
            row = following

    def values(self, prefix: str) -> Features:
        """Give the features of ``STROKE_FEATURES``, their names with a prefix."""
        count, sums, log_ms_px = self.count, self.traits, self.log_ms_px
        if self.open is not None and (traits := _traits(self.open)) is not None:
            count, sums, log_ms_px = _with(traits, count, sums, log_ms_px)
        walks = self.walks + (self.open is not None and self.open.end_ms > self.open.start_ms)
        totals, squares = sums[::2], sums[1::2]
        straightness, _, unevenness, centre, residual, *_ = (share(total, count) for total in totals)
        spreads = [spread(count, total, square, _ENOUGH) for total, square in zip(totals, squares, strict=True)]
        pair = (count, totals[_LOG_MS], totals[_LOG_PX], squares[_LOG_MS], squares[_LOG_PX], log_ms_px)
        values = (
            count,
            straightness,
            spreads[0],
            math.sqrt(squares[1] / count) if count else None,
            unevenness,
            spreads[2],
            centre,
            spreads[3],
            residual,
            spreads[4],
            spreads[_LOG_MS],
            spreads[_LOG_PX],
            spreads[7],
            correlation(pair, 6),
            share(self.log_novelty, self.compared, _ENOUGH),
            share(self.repeats, self.compared, _ENOUGH),
            self.leaps,
            share(self.leaps, self.leaps + walks),
            _slope(*pair),
            share(self.log_onset, self.onsets, _ENOUGH),
            share(self.log_halt, self.onsets, _ENOUGH),
            self.pauses,
            spread(self.pauses, self.log_pause, self.log_pause2, _ENOUGH),
        )
        return dict(zip(_names(prefix), values, strict=True))

    def _pause(self, ms: float) -> None:
        self.steps -= 1
        self.moving_ms -= ms
        if ms <= _LONGEST_PAUSE_MS:
            self.pauses += 1
            self.log_pause += math.log(ms)
            self.log_pause2 += math.log(ms) ** 2

    def _finish(self, stroke: Stroke) -> None:
        walked = stroke.end_ms > stroke.start_ms
        self.walks += walked
        self.leaps += not walked and stroke.leap_px >= _LEAP_PX
        traits = _traits(stroke)
        if traits is not None:
            self.count, self.traits, self.log_ms_px = _with(traits, self.count, self.traits, self.log_ms_px)
            self._measure_ends(stroke)
            self._compare(np.array(traits[: len(_SHAPE_WEIGHTS)]) * _SHAPE_WEIGHTS)

    def _measure_ends(self, stroke: Stroke) -> None:
        """Compare the first and the last of a stroke with its mean step; only a pause before shows the first."""
        if stroke.leap_px > 0:
            mean_px = stroke.sums[1] / stroke.sums[0] + 1
            self.onsets += 1
            self.log_onset += math.log((stroke.leap_px + 1) / mean_px)
            self.log_halt += math.log((stroke.last_px + 1) / mean_px)

    def _compare(self, shape: NDArray[np.float64]) -> None:
        """Look for the shape among those before, and remember it."""
        if self.shapes:
            before = np.frombuffer(self.shapes).reshape(-1, len(shape))
            distance = float(np.abs(before - shape).max(axis=1).min())
            self.compared += 1
            self.log_novelty += math.log(max(distance, 1e-4))
            self.repeats += distance < _SAME_SHAPE
        self.shapes = (self.shapes + shape.tobytes())[_FORGOTTEN:]


@cache
def _names(prefix: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in STROKE_FEATURES)


def _begin(t: float, p: complex) -> Stroke:
    return _ended(Stroke(float(t), float(p.real), float(p.imag)), t, p)


def _ended(stroke: Stroke, t: float, p: complex) -> Stroke:
    stroke.end_ms, stroke.end_x, stroke.end_y = float(t), float(p.real), float(p.imag)
    return stroke


def _walked(stroke: Stroke, t: Times, p: Places, row: int) -> int:
    """Add steps to the stroke under way, from a sample to that before a pause or to the one that makes it too long."""
    sums = np.array(stroke.sums)
    end = _sum_steps(t, p, row, stroke.start_ms, complex(stroke.start_x, stroke.start_y), sums)
    if end > row:
        stroke.sums = tuple(sums.tolist())
        stroke.last_px = float(abs(p[end] - p[end - 1]))
        _ended(stroke, t[end], p[end])
    return end


@compiled("i8(f8[::1], c16[::1], i8, f8, c16, f8[::1])")
def _sum_steps(t: Times, p: Places, row: int, begun_ms: float, begun: complex, sums: NDArray[np.float64]) -> int:
    """Add steps to sums in the order of ``_STEP_SUMS``; give the sample reached."""
    while row + 1 < len(t) and t[row + 1] - t[row] <= PAUSE_MS and t[row] - begun_ms <= _LONGEST_MS:
        elapsed, step = t[row + 1] - t[row], p[row + 1] - p[row]
        length, at = abs(step), 0.5 * (t[row] + t[row + 1]) - begun_ms
        way, swept = sums[1] + 0.5 * length, ((p[row] - begun).conjugate() * step).imag
        energy, s_t3 = length * length / elapsed, way * elapsed * at**3
        sums[0] += length > 0
        sums[1] += length
        sums[2] += energy
        sums[3] += energy * at
        sums[4] += way * way * elapsed
        sums[5] += s_t3
        sums[6] += s_t3 * at
        sums[7] += s_t3 * at * at
        sums[8] += 0.5 * swept
        row += 1
    return row


def _traits(stroke: Stroke) -> tuple[float, ...] | None:
    """Sum a stroke up in the order of ``_TRAITS``; none when it is too short to have a shape."""
    steps, path, energy, energy_t, s2, s_t3, s_t4, s_t5, area = stroke.sums
    if steps < _STROKE_STEPS or path < _STROKE_PX:
        return None
    duration_ms = stroke.end_ms - stroke.start_ms
    chord = math.hypot(stroke.end_x - stroke.start_x, stroke.end_y - stroke.start_y)
    wanted = (10 * s_t3 / duration_ms**3 - 15 * s_t4 / duration_ms**4 + 6 * s_t5 / duration_ms**5) / duration_ms
    residual2 = s2 / (duration_ms * path * path) - 2 * wanted / path + _MINIMUM_JERK_SQUARED
    return (
        chord / path,
        area / (path * path),
        energy * duration_ms / (path * path),
        energy_t / (energy * duration_ms),
        math.sqrt(max(0.0, residual2)),
        math.log(duration_ms),
        math.log(path),
        math.log(path / duration_ms),
    )


def _slope(count: int, y: float, x: float, _: float, xx: float, xy: float) -> float | None:
    """Regress the logarithm of duration on that of length."""
    if count < 6 or (across := variance(count, x, xx)) < 0.01:
        return None
    return (xy / count - x * y / count**2) / across


def _with(
    traits: tuple[float, ...], count: int, sums: tuple[float, ...], log_ms_px: float
) -> tuple[int, tuple[float, ...], float]:
    """Count a stroke with others."""
    pairs = [part for trait in traits for part in (trait, trait * trait)]
    return count + 1, tuple(map(add, sums, pairs)), log_ms_px + traits[5] * traits[6]
