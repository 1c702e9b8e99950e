"""What one stroke has to do with the next, and with what is typed."""

from typing import Final

import msgspec

from services.scorer.domains.behavior.sums import Moments, Products, explained_share
from services.scorer.features import Feature, Features

KEY_ORDER_FEATURES: Final = {
    "key_digraphs": Feature("count", "intervals between two keys of text or correction"),
    "key_letter_share": Feature("share", "of these, those between two letters"),
    "key_digraph_effect": Feature("share", "variance of their logarithms that the classes of both keys explain"),
    "key_hold_effect": Feature("share", "variance of the logarithms of dwells that the class of the key explains"),
    "key_rhythm_memory": Feature("ratio", "squared correlations of an interval with the two before, less chance"),
    "key_dwell_memory": Feature("ratio", "correlation of a dwell with the one before"),
    "key_dwell_interval_correlation": Feature("ratio", "correlation of a dwell with the time to the next press"),
    "key_next_dwell_correlation": Feature("ratio", "correlation of a dwell with the time since the press before"),
}

# Groups of key classes: letters, spaces, other text and corrections make up digraphs; other keys move about.
GROUPS: Final = 5
_TEXT_GROUPS: Final = 4
_LAGS: Final = 2
_TEXT_CEILING: Final = 1.9  # an interval of 1 s, by its logarithm; above, it is not the keys that take the time
_ENOUGH: Final = 30  # below, a correlation or an effect is mostly chance


class KeyOrder(msgspec.Struct, array_like=True):
    """Sums over the logarithms of intervals and dwells, and the last of both."""

    intervals: Moments = msgspec.field(default_factory=Moments)
    dwells: Moments = msgspec.field(default_factory=Moments)
    digraphs: Moments = msgspec.field(default_factory=Moments)
    pair_counts: list[int] = msgspec.field(default_factory=lambda: [0] * _TEXT_GROUPS**2)
    pair_totals: list[float] = msgspec.field(default_factory=lambda: [0.0] * _TEXT_GROUPS**2)
    hold_counts: list[int] = msgspec.field(default_factory=lambda: [0] * GROUPS)
    hold_totals: list[float] = msgspec.field(default_factory=lambda: [0.0] * GROUPS)
    lagged: list[Products] = msgspec.field(default_factory=lambda: [Products() for _ in range(_LAGS)])
    dwell_after_dwell: Products = msgspec.field(default_factory=Products)
    interval_after_dwell: Products = msgspec.field(default_factory=Products)
    dwell_after_interval: Products = msgspec.field(default_factory=Products)
    last_dwell: float | None = None
    last_intervals: list[float | None] = msgspec.field(default_factory=list)  # latest first

    def follow(self, pair: tuple[int, int] | None, group: int, interval: float | None, dwell: float | None) -> None:
        """Fold in a press.

        Parameters
        ----------
        pair
            The groups of the press before and of this one; none after a break.
        group
            The group of this one.
        interval, dwell
            Logarithms about zero; none where there is none of typing, or none was told.
        """
        if dwell is not None:
            self.dwells.add(dwell)
            self.hold_counts[group] += 1
            self.hold_totals[group] += dwell
            self.dwell_after_dwell.add(dwell, self.last_dwell)
        if interval is not None:
            self.intervals.add(interval)
            if pair is not None and pair[0] < _TEXT_GROUPS and pair[1] < _TEXT_GROUPS:
                self._digraph(pair, interval if interval < _TEXT_CEILING else _TEXT_CEILING)
            for products, earlier in zip(self.lagged, self.last_intervals, strict=False):
                products.add(interval, earlier)
            self.interval_after_dwell.add(interval, self.last_dwell)
            self.dwell_after_interval.add(dwell, interval)
        self.last_dwell = dwell
        self.last_intervals = [interval, *self.last_intervals[: _LAGS - 1]]

    def break_off(self) -> None:
        """Forget the last presses: what comes next has nothing to do with them."""
        self.last_dwell, self.last_intervals = None, []

    def values(self) -> Features:
        """Give the features of ``KEY_ORDER_FEATURES``."""
        intervals, dwells, digraphs = self.intervals, self.dwells, self.digraphs
        holds, rhythm = dwells.count >= _ENOUGH, intervals.count >= _ENOUGH
        text, both = digraphs.count >= _ENOUGH, holds and rhythm
        return {
            "key_digraphs": digraphs.count,
            "key_letter_share": self.pair_counts[0] / digraphs.count if digraphs.count else None,
            "key_digraph_effect": explained_share(self.pair_counts, self.pair_totals, digraphs) if text else None,
            "key_hold_effect": explained_share(self.hold_counts, self.hold_totals, dwells) if holds else None,
            "key_rhythm_memory": self._rhythm_memory() if rhythm else None,
            "key_dwell_memory": self.dwell_after_dwell.correlation(dwells, dwells) if holds else None,
            "key_dwell_interval_correlation": self.interval_after_dwell.correlation(dwells, intervals)
            if both
            else None,
            "key_next_dwell_correlation": self.dwell_after_interval.correlation(dwells, intervals) if both else None,
        }

    def _digraph(self, pair: tuple[int, int], interval: float) -> None:
        self.digraphs.add(interval)
        row = pair[0] * _TEXT_GROUPS + pair[1]
        self.pair_counts[row] += 1
        self.pair_totals[row] += interval

    def _rhythm_memory(self) -> float | None:
        """Sum up squared autocorrelations less their expectation under chance (after Box and Pierce, 1970)."""
        memory = 0.0
        for products in self.lagged:
            correlation = products.correlation(self.intervals, self.intervals)
            if correlation is None:
                return None
            memory += correlation**2 - 1 / products.count
        return memory
