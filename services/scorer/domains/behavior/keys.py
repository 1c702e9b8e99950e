"""The rhythm of typing: how long keys are held, how they follow each other, and what one has to do with the next.

Which keys were pressed is never known. What is known suffices to see whether intervals follow the text: people are
slower at the start of a word and before a correction, their fingers overlap, and one stroke shapes the next. Modifiers
and repeats of a held key are no typing, and pauses are counted apart.
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Final, get_args

import msgspec

from services.scorer.domains.behavior.key_order import KEY_ORDER_FEATURES, KeyOrder
from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.domains.behavior.sums import BY_HAND_MS, Histogram, share_above
from services.scorer.features import Feature, Features
from shared.contracts.behavior import KeyClass, KeyPress, KeyTrack

KEY_FEATURES: Final = {
    "key_presses": Feature("count", "key presses, without modifiers and repeats of a held key"),
    "key_intervals": Feature("count", "times between neighbouring presses, without pauses over 2 s and held keys"),
    "key_interval_mean_ms": Feature("ms", "their mean"),
    "key_interval_median_ms": Feature("ms", "their median, to a few percent"),
    "key_interval_sd_ms": Feature("ms", "their standard deviation"),
    "key_interval_cv": Feature("ratio", "their standard deviation over their mean"),
    "key_interval_range": Feature("ratio", "log of the time that a tenth exceeds over the time a tenth stays below"),
    "key_neighbours": Feature("count", "intervals right after another one, both of 40 ms to 1 s"),
    "key_fixed_share": Feature("share", "of these, those that differ from the one before by 2 ms at most"),
    "key_even_share": Feature("share", "of these, those that differ from the one before by a seventh at most"),
    "key_interval_log_spread": Feature("ratio", "standard deviation of their logarithms"),
    "key_interval_log_skew": Feature("ratio", "skewness of their logarithms"),
    "key_interval_log_kurtosis": Feature("ratio", "kurtosis of their logarithms; 3 is that of a bell curve"),
    "key_interval_grid_share": Feature("share", "of these, whole multiples of 100 ms, as the coarsest timers give"),
    "key_tied_share": Feature("share", "presses at the very time of the one before"),
    "key_windows": Feature("count", "runs of nine presses"),
    "key_fast_share": Feature("share", "of these, at 45 ms a key or faster"),
    "key_instant_share": Feature("share", "of these, at 20 ms a key or faster"),
    "key_pauses": Feature("count", "pauses over 1 s between presses"),
    "key_burst_mean": Feature("count", "presses between two such pauses, on average"),
    "key_correction_share": Feature("share", "presses that erase"),
    "key_dwells": Feature("count", "presses of which the client told how long they were held"),
    "key_dwell_mean_ms": Feature("ms", "how long keys are held, on average"),
    "key_dwell_cv": Feature("ratio", "its standard deviation over its mean"),
    "key_dwell_log_spread": Feature("ratio", "standard deviation of its logarithm"),
    "key_dwell_grid_share": Feature("share", "dwells that are whole multiples of 100 ms, as the coarsest timers give"),
    "key_overlap_share": Feature("share", "presses before the key before was released, where both times are a hand's"),
    "key_overlaps_expected": Feature("count", "how many of these there were if dwell and interval were unrelated"),
    "key_overlap_ratio": Feature("ratio", "overlaps over those expected; none when fewer than 8 are"),
} | KEY_ORDER_FEATURES

_PAUSE_MS: Final = 2_000.0
_BURST_PAUSE_MS: Final = 1_000.0
_WINDOW: Final = 8  # intervals; long enough that a timer clamped to 100 ms cannot make a fast typist look faster
_FAST_MS: Final = 45.0
_INSTANT_MS: Final = 20.0
_GRID_MS: Final = 100.0
_ON_GRID_MS: Final = 1.0
# Logarithms are taken about these, so that sums keep their digits; below the floor timers tell more than fingers.
_LOG_USUAL_INTERVAL: Final = math.log(150.0)
_LOG_USUAL_DWELL: Final = math.log(100.0)
_FLOOR_MS: Final = 8.0
_LOG_FLOOR: Final = math.log(_FLOOR_MS)
_FIXED_MS: Final = 2.0
_EVEN_RATIO: Final = 0.15
# What is faster is a machine's: a script's, but also an expander's or a dictation's. What is slower is a pause.
_COMPARED_FROM_MS: Final = 40.0
_COMPARED_TO_MS: Final = 1_000.0
# Below these a shape or a ratio is mostly chance.
_ENOUGH_FOR_SHAPE: Final = 10
_ENOUGH_OVERLAPS: Final = 8.0

_ERASING: Final = 3
_MOVING: Final = 4
MODIFIER: Final = 5
_GROUP: Final = {key_class: _MOVING for key_class in get_args(KeyClass)} | {
    "letter": 0,
    "space": 1,
    "digit": 2,
    "punctuation": 2,
    "other": 2,
    "backspace": _ERASING,
    "delete": _ERASING,
    "modifier": MODIFIER,
}
_TEXT_GROUPS: Final = 3  # a key of these that comes twice is typed twice

Press = tuple[float, float | None, int]  # time in ms, dwell in ms if told, group


class KeyState(msgspec.Struct, array_like=True):
    """Sums over presses, and the last presses (times in ms, by the client's clock)."""

    presses: int = 0
    erasing: int = 0
    pauses: int = 0
    tied: int = 0
    on_grid: int = 0
    neighbours: int = 0
    fixed: int = 0
    even: int = 0
    dwells_on_grid: int = 0
    windows: int = 0
    fast: int = 0
    instant: int = 0
    overlaps: float = 0.0
    overlap_pairs: int = 0
    total_ms: float = 0.0
    total_squares: float = 0.0
    dwell_total_ms: float = 0.0
    dwell_total_squares: float = 0.0
    intervals: Histogram = msgspec.field(default_factory=Histogram)
    dwells: Histogram = msgspec.field(default_factory=Histogram)
    order: KeyOrder = msgspec.field(default_factory=KeyOrder)
    last: Press | None = None
    last_interval: float | None = None
    window: list[float] = msgspec.field(default_factory=list)  # times of the last presses, oldest first

    def observe(self, presses: Sequence[Press]) -> None:
        """Fold the key presses of one batch in, as ``presses_of`` gives them."""
        for press in presses:
            self._press(press)

    def values(self) -> Features:
        """Give the features of ``KEY_FEATURES``."""
        if not self.presses:
            return _NOTHING
        return {
            **self._counts(),
            **self._interval_values(),
            **self._dwell_values(),
            **self._overlap_values(),
            **self.order.values(),
        }

    def _press(self, press: Press) -> None:
        time, dwell_ms, group = press
        last = self.last
        if last is not None and time < last[0]:
            # A late batch, or a clock set back: its presses are a run of their own.
            last, self.last_interval, self.window = None, None, []
            self.order.break_off()
        self.last = press
        if group == MODIFIER:
            self.last_interval = None
            self.order.break_off()
            return
        self.presses += 1
        self.erasing += group == _ERASING
        self._slide_window(time, held=last is not None and _is_held(last, press))
        log_dwell = self._dwell(dwell_ms) if dwell_ms is not None else None
        interval, log_interval, pair = None, None, None
        if last is not None and last[2] != MODIFIER:
            pair = last[2], group
            if self._is_typed(last, press):
                interval = time - last[0]
                log_interval = self._interval(interval, last[1])
        self.last_interval = interval
        self.order.follow(pair, group, log_interval, log_dwell)

    def _dwell(self, dwell_ms: float) -> float:
        """Fold in how long a key was held; give the logarithm about zero."""
        self.dwell_total_ms += dwell_ms
        self.dwell_total_squares += dwell_ms * dwell_ms
        self.dwells_on_grid += _is_on_grid(dwell_ms)
        log_ms = math.log(dwell_ms) if dwell_ms > _FLOOR_MS else _LOG_FLOOR
        self.dwells.add(log_ms)
        return log_ms - _LOG_USUAL_DWELL

    def _is_typed(self, last: Press, press: Press) -> bool:
        """Tell whether the time between two presses is one of typing; count it where it is something else."""
        interval = press[0] - last[0]
        self.tied += interval == 0
        self.pauses += interval > _BURST_PAUSE_MS
        return 0 < interval <= _PAUSE_MS and not _is_held(last, press)

    def _interval(self, interval: float, held_ms: float | None) -> float:
        """Fold in the time since the press before and how long that was held; give the logarithm about zero."""
        self.total_ms += interval
        self.total_squares += interval * interval
        self.on_grid += _is_on_grid(interval)
        log_ms = math.log(interval) if interval > _FLOOR_MS else _LOG_FLOOR
        self.intervals.add(log_ms)
        if held_ms is not None and held_ms >= BY_HAND_MS and interval >= BY_HAND_MS:
            self.overlap_pairs += 1
            self.overlaps += 1.0 if held_ms > interval else 0.5 if held_ms == interval else 0.0
        self._compare(interval)
        return log_ms - _LOG_USUAL_INTERVAL

    def _compare(self, interval: float) -> None:
        """Hold an interval against the one right before."""
        earlier = self.last_interval
        if earlier is not None and _is_compared(interval) and _is_compared(earlier):
            self.neighbours += 1
            difference = abs(interval - earlier)
            self.fixed += difference <= _FIXED_MS
            self.even += difference <= _EVEN_RATIO * earlier

    def _slide_window(self, time: float, *, held: bool) -> None:
        if held:
            self.window = []
        self.window.append(time)
        if len(self.window) > _WINDOW:
            span = time - self.window.pop(0)
            self.windows += 1
            self.fast += span <= _WINDOW * _FAST_MS
            self.instant += span <= _WINDOW * _INSTANT_MS

    def _counts(self) -> Features:
        counted = self.order.intervals.count
        return {
            "key_presses": self.presses,
            "key_intervals": counted,
            "key_tied_share": self.tied / (self.tied + counted) if self.tied + counted else None,
            "key_windows": self.windows,
            "key_fast_share": self.fast / self.windows if self.windows else None,
            "key_instant_share": self.instant / self.windows if self.windows else None,
            "key_pauses": self.pauses,
            "key_burst_mean": self.presses / (self.pauses + 1) if self.presses else None,
            "key_correction_share": self.erasing / self.presses if self.presses else None,
        }

    def _interval_values(self) -> Features:
        n = self.order.intervals.count
        mean, spread = _mean_and_spread(n, self.total_ms, self.total_squares)
        skew, kurtosis = (self.order.intervals.shape() if n >= _ENOUGH_FOR_SHAPE else None) or (None, None)
        return {
            "key_interval_mean_ms": mean,
            "key_interval_median_ms": self.intervals.quantile(0.5),
            "key_interval_sd_ms": spread,
            "key_interval_cv": spread / mean if spread is not None and mean else None,
            "key_interval_range": self._range() if n >= _ENOUGH_FOR_SHAPE else None,
            "key_neighbours": self.neighbours,
            "key_fixed_share": self.fixed / self.neighbours if self.neighbours else None,
            "key_even_share": self.even / self.neighbours if self.neighbours else None,
            "key_interval_log_spread": math.sqrt(self.order.intervals.variance) if n >= _ENOUGH_FOR_SHAPE else None,
            "key_interval_log_skew": skew,
            "key_interval_log_kurtosis": kurtosis,
            "key_interval_grid_share": self.on_grid / n if n else None,
        }

    def _dwell_values(self) -> Features:
        n = self.order.dwells.count
        mean, spread = _mean_and_spread(n, self.dwell_total_ms, self.dwell_total_squares)
        return {
            "key_dwells": n,
            "key_dwell_mean_ms": mean,
            "key_dwell_cv": spread / mean if spread is not None and mean else None,
            "key_dwell_log_spread": math.sqrt(self.order.dwells.variance) if n >= _ENOUGH_FOR_SHAPE else None,
            "key_dwell_grid_share": self.dwells_on_grid / n if n else None,
        }

    def _overlap_values(self) -> Features:
        expected_share = share_above(self.dwells, self.intervals)
        expected = expected_share * self.overlap_pairs if expected_share is not None else None
        return {
            "key_overlap_share": self.overlaps / self.overlap_pairs if self.overlap_pairs else None,
            "key_overlaps_expected": expected,
            "key_overlap_ratio": self.overlaps / expected if expected and expected >= _ENOUGH_OVERLAPS else None,
        }

    def _range(self) -> float | None:
        low, high = self.intervals.quantile(0.1), self.intervals.quantile(0.9)
        return math.log(high / low) if low and high else None


def presses_of(presses: Sequence[KeyPress], tracks: Sequence[KeyTrack]) -> list[Press]:
    """Put objects and tracks together in the order of time, without repeats of held keys."""
    rows = [
        (epoch_ms(press.occurred_at), press.dwell_ms, _GROUP[press.key_class]) for press in presses if not press.repeat
    ]
    for track in tracks:
        start = epoch_ms(track.started_at)
        rows += [
            (start + offset, dwell_ms, _GROUP[key_class])
            for offset, dwell_ms, key_class in zip(track.t, track.dwell_ms, track.key_class, strict=True)
        ]
    rows.sort(key=itemgetter(0))
    return rows


def _mean_and_spread(count: int, total: float, total_squares: float) -> tuple[float | None, float | None]:
    if not count:
        return None, None
    mean = total / count
    return mean, math.sqrt(max(0.0, total_squares / count - mean * mean))


def _is_held(last: Press, press: Press) -> bool:
    """Tell whether this may be a key that repeats while held down, where the client does not say so."""
    return last[2] == press[2] >= _TEXT_GROUPS


def _is_compared(interval: float) -> bool:
    return _COMPARED_FROM_MS <= interval <= _COMPARED_TO_MS


def _is_on_grid(duration_ms: float) -> bool:
    off = duration_ms % _GRID_MS
    return off <= _ON_GRID_MS or off >= _GRID_MS - _ON_GRID_MS


_NOTHING: Final[Features] = {name: 0 if feature.unit == "count" else None for name, feature in KEY_FEATURES.items()} | {
    "key_burst_mean": None,
    "key_overlaps_expected": None,
}
