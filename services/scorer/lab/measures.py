"""How good scores are. Every measure takes weights, so that a large group does not speak for all."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BINS: Final = 10


def auc(score: Array, bot: Array, weight: Array | None = None) -> float | None:
    """Tell how often a bot scores above a person, ties counted half; None without both."""
    weight = np.ones(len(score)) if weight is None else weight
    bots, people = bot > 0.5, bot <= 0.5
    if not bots.any() or not people.any():
        return None
    order = np.argsort(score[people], kind="stable")
    scores, below = score[people][order], np.concatenate([[0.0], np.cumsum(weight[people][order])])
    lower = below[np.searchsorted(scores, score[bots], side="left")]
    equal = below[np.searchsorted(scores, score[bots], side="right")] - lower
    return float(np.average((lower + equal / 2) / below[-1], weights=weight[bots]))


def threshold_at(people: Array, rate: float, weight: Array | None = None) -> float:
    """Give the score that at most ``rate`` of people lie above."""
    weight = np.ones(len(people)) if weight is None else weight
    order = np.argsort(-people, kind="stable")
    above = np.cumsum(weight[order]) / weight.sum()
    allowed = int(np.searchsorted(above, rate, side="right"))
    return float(people[order][allowed]) if allowed < len(people) else -np.inf


def recall_at(score: Array, bot: Array, rate: float, weight: Array | None = None) -> float | None:
    """Tell the share of bots above the score that at most ``rate`` of people exceed; None without both."""
    weight = np.ones(len(score)) if weight is None else weight
    bots, people = bot > 0.5, bot <= 0.5
    if not bots.any() or not people.any():
        return None
    threshold = threshold_at(score[people], rate, weight[people])
    return float(np.average(score[bots] > threshold, weights=weight[bots]))


def calibration_error(score: Array, bot: Array, weight: Array | None = None) -> float:
    """Give the expected calibration error (Naeini et al. 2015): ten equal bins of the score."""
    weight = np.ones(len(score)) if weight is None else weight
    total = 0.0
    for _, told, true, share in reliability(score, bot, weight):
        total += share * abs(told - true)
    return total


def reliability(score: Array, bot: Array, weight: Array) -> list[tuple[int, float, float, float]]:
    """Give, for each bin in use, its number, mean score, share of bots and share of all weight."""
    bins = np.minimum((score * _BINS).astype(int), _BINS - 1)
    rows = []
    for number in np.unique(bins[weight > 0]):
        here = bins == number
        part = weight[here]
        told, true = float(np.average(score[here], weights=part)), float(np.average(bot[here], weights=part))
        rows.append((int(number), told, true, float(part.sum() / weight.sum())))
    return rows
