"""Fit an additive logistic model: one penalised curve a feature (Hastie & Tibshirani 1986; Eilers & Marx 1996).

A curve is straight between its knots, which stand at quantiles, and level outside. The penalty is on the change between
neighbouring knots, so a feature that tells nothing becomes a level line at zero. A missing value is a row of zeros: it
adds nothing, in fitting as in use. Newton steps; no chance is involved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.models import Calibration, Curve

Array = NDArray[np.float64]

_KNOTS: Final = 6
_STEPS: Final = 25
_SETTLED: Final = 1e-5
_RIDGE: Final = 0.05  # of the penalty: draws curves towards zero where differences leave them free
# Knots of the calibration: log2 of how much was seen.
_SEEN_AT: Final = (4.5, 6.0, 7.5, 9.0)
# No model is surer than this: it has met some thousand sessions, not all there are.
LOWEST, HIGHEST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Additive:
    """A fitted model: an intercept and a curve a feature, in log odds."""

    intercept: float
    curves: dict[str, Curve]


class Design:
    """Rows laid out for fitting any part of them: knots stand at quantiles of all rows, which tell nothing of labels.

    Parameters
    ----------
    columns
        Rows by features; NaN is missing.
    trust
        Of the same shape: how much each value counts, 0..1.
    penalty
        Against change along a curve, in units of weight.
    """

    def __init__(self, columns: Array, trust: Array, names: Sequence[str], penalty: float) -> None:
        knots = [_knots_of(column) for column in columns.T]
        used = [index for index, at in enumerate(knots) if len(at) > 1]
        parts = [tents(columns[:, index], knots[index]) for index in used]
        # Curves are centred, so that a missing value, which adds nothing, counts as an average one.
        means = [part.sum(axis=0) / part.sum() for part in parts]
        laid = [
            (part - np.outer(part.sum(axis=1), mean)) * trust[:, [index]]
            for index, part, mean in zip(used, parts, means, strict=True)
        ]
        self._names = [names[index] for index in used]
        self._knots = [knots[index] for index in used]
        self._means = means
        self._penalties = _penalties([len(mean) for mean in means], penalty)
        self.matrix = np.hstack([np.ones((len(columns), 1)), *laid])

    def fit(self, rows: NDArray[np.bool_], bot: Array, weight: Array, start: Array | None = None) -> Array:
        """Fit some of the rows; ``start`` saves steps, and changes nothing else."""
        return newton(self.matrix[rows], bot[rows], weight[rows], self._penalties, start)

    def curves(self, beta: Array) -> Additive:
        """Write a fit down as curves."""
        curves, at = {}, 1
        for name, knots, mean in zip(self._names, self._knots, self._means, strict=True):
            height = beta[at : at + len(mean)]
            at += len(mean)
            curves[name] = Curve(_rounded(knots), _rounded(height - float(height @ mean)))
        return Additive(round(float(beta[0]), 5), curves)


def calibrate(score: Array, seen: Array, bot: Array, weight: Array, evidence: str, prior: float = 0.5) -> Calibration:
    """Fit how scores of rows that were not learned from become probabilities (Platt 1999), by how much was seen.

    Parameters
    ----------
    seen
        How much of the ``evidence`` feature each row rests on, a count.
    prior
        The share of bots that the probabilities are for; in the rows it is a half, by weight.
    """
    amount = tents(np.log2(np.maximum(seen, 1.0)), np.asarray(_SEEN_AT))
    design = np.hstack([amount * score[:, None], amount])
    size = len(_SEEN_AT)
    smooth = _differences(size) * 20.0
    pull = np.zeros((2 * size, 2 * size))
    pull[:size, :size], pull[size:, size:] = smooth, smooth + np.eye(size) * 2.0
    beta = newton(design, bot, weight, pull)
    slope = np.maximum(beta[:size], 0.05)  # more of a bot by its score is never less of one
    offset = beta[size:] + np.log(prior / (1 - prior))
    at = list(_SEEN_AT)
    return Calibration(evidence, Curve(at, _rounded(slope)), Curve(at, _rounded(offset)), LOWEST, HIGHEST)


def probability(calibration: Calibration, score: Array, seen: Array) -> Array:
    """Give the probabilities of rows, as ``Model.answer`` does for one."""
    amount = np.log2(np.maximum(seen, 1.0))
    slope = np.interp(amount, calibration.slope.at, calibration.slope.height)
    odds = slope * score + np.interp(amount, calibration.offset.at, calibration.offset.height)
    return calibration.lowest + (calibration.highest - calibration.lowest) * _logistic(odds)


def tents(column: Array, at: Array) -> Array:
    """Give how near a value is to each knot: 1 at it, 0 at its neighbours, straight between; all 0 when missing."""
    known = ~np.isnan(column)
    value = np.clip(np.where(known, column, at[0]), at[0], at[-1])
    right = np.clip(np.searchsorted(at, value, side="right"), 1, len(at) - 1)
    share = (value - at[right - 1]) / (at[right] - at[right - 1])
    found = np.zeros((len(column), len(at)))
    rows = np.flatnonzero(known)
    found[rows, right[rows] - 1] = 1 - share[rows]
    found[rows, right[rows]] = share[rows]
    return found


def newton(design: Array, bot: Array, weight: Array, penalties: Array, start: Array | None = None) -> Array:
    """Minimise the penalised logistic loss."""
    beta = np.zeros(design.shape[1]) if start is None else start
    loss = _loss(design, bot, weight, penalties, beta)
    for _ in range(_STEPS):
        chance = _logistic(design @ beta)
        slope = design.T @ (weight * (chance - bot)) + penalties @ beta
        bend = design.T @ (design * (weight * chance * (1 - chance))[:, None]) + penalties
        step = np.linalg.solve(bend + np.eye(len(beta)) * 1e-6, slope)
        pace, before = 1.0, loss
        while (loss := _loss(design, bot, weight, penalties, beta - pace * step)) > before and pace > 1e-4:
            pace /= 2
        beta = beta - pace * step
        if before - loss <= _SETTLED * max(1.0, before):
            break
    return beta


def _knots_of(column: Array) -> Array:
    """Place knots at quantiles; where many rows share one value, at quantiles of the others too."""
    values = column[~np.isnan(column)]
    if not len(values):
        return values
    at = np.quantile(values, np.linspace(0.02, 0.98, _KNOTS))
    kinds, counts = np.unique(values, return_counts=True)
    if counts.max() > 0.2 * len(values) and len(kinds) > 2:
        others = values[values != kinds[counts.argmax()]]
        at = np.concatenate([at, np.quantile(others, np.linspace(0.05, 0.95, _KNOTS - 2))])
    elif len(kinds) <= 2:
        at = kinds
    at = np.unique(np.array(_rounded(at)))
    spread = at[-1] - at[0]
    return at[np.concatenate([[True], np.diff(at) > 1e-3 * spread])] if len(at) > 1 else at


def _penalties(sizes: list[int], penalty: float) -> Array:
    total = np.zeros((1 + sum(sizes), 1 + sum(sizes)))
    start = 1
    for size in sizes:
        total[start : start + size, start : start + size] = penalty * (_differences(size) + _RIDGE * np.eye(size))
        start += size
    return total


def _differences(size: int) -> Array:
    step = np.diff(np.eye(size), axis=0)
    product: Array = step.T @ step
    return product


def _loss(design: Array, bot: Array, weight: Array, penalties: Array, beta: Array) -> float:
    odds = design @ beta
    return float(weight @ (np.logaddexp(0.0, odds) - bot * odds) + beta @ penalties @ beta / 2)


def _logistic(odds: Array) -> Array:
    chance: Array = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return chance


def _rounded(values: Array) -> list[float]:
    """Keep six digits: a model's file is read by people too, and is the same on every machine."""
    return [float(f"{value:.6g}") for value in values]
