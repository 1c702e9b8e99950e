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

from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.domains.behavior.sums import Histogram, Moments, Products, explained_share, share_above
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
    "key_overlap_share": Feature("share", "presses before the key before was released"),
    "key_overlaps_expected": Feature("count", "how many of these there were if dwell and interval were unrelated"),
    "key_overlap_ratio": Feature("ratio", "overlaps over those expected; none when fewer than 8 are"),
    "key_digraphs": Feature("count", "intervals between two keys of text or correction"),
    "key_letter_share": Feature("share", "of these, those between two letters"),
    "key_digraph_effect": Feature("share", "variance of their logarithms that the classes of both keys explain"),
    "key_hold_effect": Feature("share", "variance of the logarithms of dwells that the class of the key explains"),
    "key_rhythm_memory": Feature("ratio", "squared correlations of an interval with the two before, less chance"),
    "key_dwell_memory": Feature("ratio", "correlation of a dwell with the one before"),
    "key_dwell_interval_correlation": Feature("ratio", "correlation of a dwell with the time to the next press"),
    "key_next_dwell_correlation": Feature("ratio", "correlation of a dwell with the time since the press before"),
}

_PAUSE_MS: Final = 2_000.0
_BURST_PAUSE_MS: Final = 1_000.0
_WINDOW: Final = 8  # intervals; long enough that a timer clamped to 100 ms cannot make a fast typist look faster
_FAST_MS: Final = 45.0
_INSTANT_MS: Final = 20.0
_GRID_MS: Final = 100.0
_ON_GRID_MS: Final = 1.0
_LAGS: Final = 2
# Logarithms are taken about these, so that sums keep their digits; below the floor timers tell more than fingers.
_FLOOR_MS: Final = 8.0
_FIXED_MS: Final = 2.0
_EVEN_RATIO: Final = 0.15
# What is faster is a machine's: a script's, but also an expander's or a dictation's. What is slower is a pause.
_COMPARED_FROM_MS: Final = 40.0
_COMPARED_TO_MS: Final = 1_000.0
_USUAL_INTERVAL_MS: Final = 150.0
_USUAL_DWELL_MS: Final = 100.0
_LOG_TEXT_CEILING: Final = math.log(1_000.0 / _USUAL_INTERVAL_MS)  # above, it is not the keys that take the time
# Below these a shape, a correlation or an effect is mostly chance.
_ENOUGH_FOR_SHAPE: Final = 10
_ENOUGH_FOR_ORDER: Final = 30
_ENOUGH_OVERLAPS: Final = 8.0

# Letters, spaces, other text and corrections make up digraphs; other keys move about.
_GROUPS: Final = 4
_ERASING: Final = 3
_MOVING: Final = 4
_CLASS_GROUPS: Final = 5
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
_TEXT_GROUPS: Final = 3

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
    log_intervals: Moments = msgspec.field(default_factory=Moments)
    log_digraphs: Moments = msgspec.field(default_factory=Moments)
    log_dwells: Moments = msgspec.field(default_factory=Moments)
    intervals: Histogram = msgspec.field(default_factory=Histogram)
    dwells: Histogram = msgspec.field(default_factory=Histogram)
    pair_counts: list[int] = msgspec.field(default_factory=lambda: [0] * _GROUPS**2)
    pair_totals: list[float] = msgspec.field(default_factory=lambda: [0.0] * _GROUPS**2)
    hold_counts: list[int] = msgspec.field(default_factory=lambda: [0] * _CLASS_GROUPS)
    hold_totals: list[float] = msgspec.field(default_factory=lambda: [0.0] * _CLASS_GROUPS)
    lagged: list[Products] = msgspec.field(default_factory=lambda: [Products() for _ in range(_LAGS)])
    dwell_after_dwell: Products = msgspec.field(default_factory=Products)
    interval_after_dwell: Products = msgspec.field(default_factory=Products)
    dwell_after_interval: Products = msgspec.field(default_factory=Products)
    last: Press | None = None
    last_log_dwell: float | None = None
    last_interval: float | None = None
    last_log_intervals: list[float | None] = msgspec.field(default_factory=list)  # latest first
    window: list[float] = msgspec.field(default_factory=list)  # times of the last presses, oldest first

    def observe(self, presses: Sequence[Press]) -> None:
        """Fold the key presses of one batch in, as ``presses_of`` gives them."""
        for press in presses:
            self._press(press)

    def values(self) -> Features:
        """Give the features of ``KEY_FEATURES``."""
        if not self.presses:
            return _NOTHING
        return {**self._counts(), **self._interval_values(), **self._dwell_values(), **self._order_values()}

    def _press(self, press: Press) -> None:
        time, dwell_ms, group = press
        last = self.last
        if last is not None and time < last[0]:
            # A late batch, or a clock set back: its presses are a run of their own.
            last, self.last_log_dwell, self.last_interval = None, None, None
            self.last_log_intervals, self.window = [], []
        interval, log_interval, log_dwell = None, None, None
        if group != MODIFIER:
            self.presses += 1
            self.erasing += group == _ERASING
            log_dwell = self._dwell(dwell_ms, group) if dwell_ms is not None else None
            self._slide_window(time, held=last is not None and _is_held(last, press))
            self.dwell_after_dwell.add(log_dwell, self.last_log_dwell)
            if last is not None and last[2] != MODIFIER and self._is_typed(last, press):
                interval = time - last[0]
                log_interval = self._interval(interval, last, press, log_dwell)
        self.last, self.last_interval, self.last_log_dwell = press, interval, log_dwell
        self.last_log_intervals = [log_interval, *self.last_log_intervals[: _LAGS - 1]]

    def _dwell(self, dwell_ms: float, group: int) -> float:
        """Fold in how long a key was held; give the logarithm."""
        self.dwell_total_ms += dwell_ms
        self.dwell_total_squares += dwell_ms * dwell_ms
        self.dwells_on_grid += _is_on_grid(dwell_ms)
        self.dwells.add(dwell_ms)
        log_dwell = math.log(max(dwell_ms, _FLOOR_MS) / _USUAL_DWELL_MS)
        self.log_dwells.add(log_dwell)
        self.hold_counts[group] += 1
        self.hold_totals[group] += log_dwell
        return log_dwell

    def _is_typed(self, last: Press, press: Press) -> bool:
        """Tell whether the time between two presses is one of typing; count it where it is something else."""
        interval = press[0] - last[0]
        self.tied += interval == 0
        self.pauses += interval > _BURST_PAUSE_MS
        return 0 < interval <= _PAUSE_MS and not _is_held(last, press)

    def _interval(self, interval: float, last: Press, press: Press, log_dwell: float | None) -> float:
        """Fold in the time between two presses; give its logarithm."""
        self.total_ms += interval
        self.total_squares += interval * interval
        self.on_grid += _is_on_grid(interval)
        self.intervals.add(interval)
        log_interval = math.log(max(interval, _FLOOR_MS) / _USUAL_INTERVAL_MS)
        self.log_intervals.add(log_interval)
        if last[2] < _GROUPS and press[2] < _GROUPS:
            self._digraph(last[2] * _GROUPS + press[2], min(log_interval, _LOG_TEXT_CEILING))
        for products, earlier in zip(self.lagged, self.last_log_intervals, strict=False):
            products.add(log_interval, earlier)
        self.interval_after_dwell.add(log_interval, self.last_log_dwell)
        self.dwell_after_interval.add(log_dwell, log_interval)
        if last[1] is not None:
            self.overlap_pairs += 1
            self.overlaps += 1.0 if last[1] > interval else 0.5 if last[1] == interval else 0.0
        self._compare(interval)
        return log_interval

    def _compare(self, interval: float) -> None:
        """Hold an interval against the one right before."""
        earlier = self.last_interval
        if earlier is not None and all(_COMPARED_FROM_MS <= one <= _COMPARED_TO_MS for one in (earlier, interval)):
            self.neighbours += 1
            difference = abs(interval - earlier)
            self.fixed += difference <= _FIXED_MS
            self.even += difference <= _EVEN_RATIO * earlier

    def _digraph(self, pair: int, log_interval: float) -> None:
        self.log_digraphs.add(log_interval)
        self.pair_counts[pair] += 1
        self.pair_totals[pair] += log_interval

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
        counted = self.log_intervals.count
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
        n = self.log_intervals.count
        mean, spread = _mean_and_spread(n, self.total_ms, self.total_squares)
        skew, kurtosis = (self.log_intervals.shape() if n >= _ENOUGH_FOR_SHAPE else None) or (None, None)
        return {
            "key_interval_mean_ms": mean,
            "key_interval_median_ms": self.intervals.quantile(0.5),
            "key_interval_sd_ms": spread,
            "key_interval_cv": spread / mean if spread is not None and mean else None,
            "key_interval_range": self._range() if n >= _ENOUGH_FOR_SHAPE else None,
            "key_neighbours": self.neighbours,
            "key_fixed_share": self.fixed / self.neighbours if self.neighbours else None,
            "key_even_share": self.even / self.neighbours if self.neighbours else None,
            "key_interval_log_spread": math.sqrt(self.log_intervals.variance) if n >= _ENOUGH_FOR_SHAPE else None,
            "key_interval_log_skew": skew,
            "key_interval_log_kurtosis": kurtosis,
            "key_interval_grid_share": self.on_grid / n if n else None,
        }

    def _dwell_values(self) -> Features:
        n = self.log_dwells.count
        mean, spread = _mean_and_spread(n, self.dwell_total_ms, self.dwell_total_squares)
        return {
            "key_dwells": n,
            "key_dwell_mean_ms": mean,
            "key_dwell_cv": spread / mean if spread is not None and mean else None,
            "key_dwell_log_spread": math.sqrt(self.log_dwells.variance) if n >= _ENOUGH_FOR_SHAPE else None,
            "key_dwell_grid_share": self.dwells_on_grid / n if n else None,
        }

    def _order_values(self) -> Features:
        expected_share = share_above(self.dwells, self.intervals)
        expected = expected_share * self.overlap_pairs if expected_share is not None else None
        intervals, dwells = self.log_intervals, self.log_dwells
        digraphs = self.log_digraphs
        enough, enough_dwells = intervals.count >= _ENOUGH_FOR_ORDER, dwells.count >= _ENOUGH_FOR_ORDER
        both = enough and enough_dwells
        return {
            "key_overlap_share": self.overlaps / self.overlap_pairs if self.overlap_pairs else None,
            "key_overlaps_expected": expected,
            "key_overlap_ratio": self.overlaps / expected if expected and expected >= _ENOUGH_OVERLAPS else None,
            "key_digraphs": digraphs.count,
            "key_letter_share": self.pair_counts[0] / digraphs.count if digraphs.count else None,
            "key_digraph_effect": (
                explained_share(self.pair_counts, self.pair_totals, digraphs)
                if digraphs.count >= _ENOUGH_FOR_ORDER
                else None
            ),
            "key_hold_effect": (explained_share(self.hold_counts, self.hold_totals, dwells) if enough_dwells else None),
            "key_rhythm_memory": self._rhythm_memory() if enough else None,
            "key_dwell_memory": self.dwell_after_dwell.correlation(dwells, dwells) if enough_dwells else None,
            "key_dwell_interval_correlation": (
                self.interval_after_dwell.correlation(dwells, intervals) if both else None
            ),
            "key_next_dwell_correlation": self.dwell_after_interval.correlation(dwells, intervals) if both else None,
        }

    def _range(self) -> float | None:
        low, high = self.intervals.quantile(0.1), self.intervals.quantile(0.9)
        return math.log(high / low) if low and high else None

    def _rhythm_memory(self) -> float | None:
        """Sum up squared autocorrelations less their expectation under chance (after Box and Pierce, 1970)."""
        memory = 0.0
        for products in self.lagged:
            correlation = products.correlation(self.log_intervals, self.log_intervals)
            if correlation is None:
                return None
            memory += correlation**2 - 1 / products.count
        return memory


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


def _is_on_grid(duration_ms: float) -> bool:
    return abs(duration_ms - round(duration_ms / _GRID_MS) * _GRID_MS) <= _ON_GRID_MS


_NOTHING: Final[Features] = {name: 0 if feature.unit == "count" else None for name, feature in KEY_FEATURES.items()} | {
    "key_burst_mean": None,
    "key_overlaps_expected": None,
}
