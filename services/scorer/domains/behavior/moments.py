"""Spread, tails and correlation from sums, so that batches add up; scarce or constant data give none."""

import math
from collections.abc import Sequence

# Sums of squares lose this share of themselves to rounding: less spread than that is none.
_ROUNDING = 1e-9


def share(part: float, whole: float, at_least: float = 1) -> float | None:
    """Give a share or mean; none when the whole is too small."""
    return part / whole if whole >= at_least else None


def variance(count: float, total: float, squares: float) -> float:
    """Give the variance of numbers of which the sum and the sum of squares are known."""
    mean = total / count
    left = squares / count - mean * mean
    return left if left > _ROUNDING * (squares / count) else 0.0


def spread(count: float, total: float, squares: float, at_least: float = 3) -> float | None:
    """Give the standard deviation; none when there are too few."""
    return math.sqrt(variance(count, total, squares)) if count >= at_least else None


def tails(count: float, squares: float, fourths: float, at_least: float = 8) -> float | None:
    """Say how heavy the tails about zero are: log of the kurtosis, 1.1 for normal ones."""
    if count < at_least or squares <= 0 or fourths <= 0:
        return None
    return math.log(fourths) + math.log(count) - 2 * math.log(squares)


def correlation(sums: Sequence[float], at_least: float = 8) -> float | None:
    """Give the correlation of two numbers from (count, x, y, xx, yy, xy)."""
    count, x, y, xx, yy, xy = sums
    if count < at_least:
        return None
    product = variance(count, x, xx) * variance(count, y, yy)
    if product <= 0:
        return None
    return max(-1.0, min(1.0, (xy / count - x * y / count**2) / math.sqrt(product)))
