"""Sums that features are made of: each grows sample by sample, forgets no sample and takes the same small space."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

_BINS: Final = 36
_BINS_PER_OCTAVE: Final = 4
_FIRST_MS: Final = 8.0  # the first bin begins here and holds all below; the last ends at 4 s and holds all above
_LOG_FIRST: Final = math.log(_FIRST_MS)
_BINS_PER_E: Final = _BINS_PER_OCTAVE / math.log(2)

_BY_HAND_ROW: Final = 5
BY_HAND_MS: Final = _FIRST_MS * 2 ** (_BY_HAND_ROW / _BINS_PER_OCTAVE)  # 19 ms: shorter ones are a machine's


class Moments(msgspec.Struct, array_like=True):
    """The first four powers of samples, summed; give samples near zero, since large ones lose digits."""

    count: int = 0
    first: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0

    def add(self, sample: float) -> None:
        """Fold a sample in."""
        square = sample * sample
        self.count += 1
        self.first += sample
        self.second += square
        self.third += square * sample
        self.fourth += square * square

    @property
    def mean(self) -> float:
        """Their mean; of no sample there is none, so ask for the count first."""
        return self.first / self.count

    @property
    def variance(self) -> float:
        """Their variance about the mean."""
        return max(0.0, self.second / self.count - self.mean**2)

    def shape(self) -> tuple[float, float] | None:
        """Give skewness and kurtosis (3 for a normal distribution); none when all samples are alike."""
        mean, variance, n = self.mean, self.variance, self.count
        if variance < 1e-6:
            return None
        third = self.third / n - 3 * mean * self.second / n + 2 * mean**3
        fourth = self.fourth / n - 4 * mean * self.third / n + 6 * mean**2 * self.second / n - 3 * mean**4
        return third / variance**1.5, fourth / variance**2


class Products(msgspec.Struct, array_like=True):
    """The products of paired samples, summed."""

    count: int = 0
    total: float = 0.0

    def add(self, left: float | None, right: float | None) -> None:
        """Fold a pair in, unless either is missing."""
        if left is not None and right is not None:
            self.count += 1
            self.total += left * right

    def correlation(self, left: Moments, right: Moments) -> float | None:
        """Give the pairs' correlation, by the mean and spread of all samples; none without pairs or spread."""
        scale = math.sqrt(left.variance * right.variance) if self.count else 0.0
        if scale < 1e-6:
            return None
        return max(-1.0, min(1.0, (self.total / self.count - left.mean * right.mean) / scale))


class Histogram(msgspec.Struct, array_like=True):
    """Counts of durations in bins a quarter of an octave wide, from 8 ms to 4 s."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * _BINS)

    def add(self, log_ms: float) -> None:
        """Fold in a duration by its natural logarithm, which callers have at hand; that of 8 ms is the least."""
        row = int((log_ms - _LOG_FIRST) * _BINS_PER_E + 1e-9)  # an edge belongs to the bin it begins
        self.counts[row if row < _BINS else -1] += 1

    def quantile(self, share: float) -> float | None:
        """Give the duration in ms that this share stays below, to a few percent; none of nothing."""
        wanted, below = share * sum(self.counts), 0
        for row, count in enumerate(self.counts):
            if count and below + count >= wanted:
                return _edge_ms(row + (wanted - below) / count)
            below += count
        return None


def share_above(left: Histogram, right: Histogram) -> float | None:
    """Tell how often a sample of ``left`` would be above one of ``right`` if they had nothing to do with each other.

    Samples of one bin count half. Those below ``BY_HAND_MS`` are left out.
    """
    ours_by_hand, theirs_by_hand = left.counts[_BY_HAND_ROW:], right.counts[_BY_HAND_ROW:]
    pairs = sum(ours_by_hand) * sum(theirs_by_hand)
    if not pairs:
        return None
    above, below_so_far = 0.0, 0.0
    for ours, theirs in zip(ours_by_hand, theirs_by_hand, strict=True):
        above += ours * (below_so_far + 0.5 * theirs)
        below_so_far += theirs
    return above / pairs


def explained_share(counts: Sequence[int], totals: Sequence[float], samples: Moments) -> float | None:
    """Tell what share of the samples' variance is explained by the group each belongs to.

    It is the adjusted coefficient of determination of a one-way layout (Theil, 1961): about 0 when groups mean
    nothing, whatever their number, and 1 when they explain all.

    Parameters
    ----------
    counts, totals
        How many samples each group has, and their sum.
    samples
        All samples of all groups.
    """
    groups = sum(1 for count in counts if count)
    n, spread = samples.count, samples.variance * samples.count
    if groups < 2 or n <= groups or spread < 1e-6:
        return None
    between = sum(total * total / count for count, total in zip(counts, totals, strict=True) if count)
    explained = (between - samples.first**2 / n) / spread
    return 1 - (1 - explained) * (n - 1) / (n - groups)


def _edge_ms(row: float) -> float:
    return float(_FIRST_MS * 2 ** (row / _BINS_PER_OCTAVE))
