"""Trained models beside the rules: loaded from JSON, run without any training library.

A model is additive (a generalised additive model, Hastie & Tibshirani 1986): each feature adds the height of a curve of
its own to a score, so that the parts of an answer are exact. A missing feature adds nothing. A last curve turns the
score into a probability, and trusts it the less the less was seen.
"""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.scorer.compiled import compiled
from services.scorer.features import Features
from services.scorer.policy import Signal

# How many features stand as evidence: the rest changes little.
_TOLD_FEATURES: Final = 5
_Floats = NDArray[np.float64]


class Curve(msgspec.Struct, frozen=True):
    """Heights at rising places: straight between them, level outside."""

    at: list[float]
    height: list[float]

    def __post_init__(self) -> None:
        """Refuse what is no curve."""
        if not self.at or len(self.at) != len(self.height) or any(b <= a for a, b in pairwise(self.at)):
            raise ValueError("a curve has as many heights as places, and its places rise")

    def __call__(self, value: float) -> float:
        """Give the height at a place."""
        at, height = self.at, self.height
        right = bisect_right(at, value)
        if right == 0:
            return height[0]
        if right == len(at):
            return height[-1]
        left = right - 1
        return height[left] + (value - at[left]) * (height[right] - height[left]) / (at[right] - at[left])


class Part(msgspec.Struct, frozen=True):
    """What one feature adds to the score: the height of its curve, counted the more the more stands behind it.

    With ``n`` of the count feature ``of`` the height counts ``n / (n + half)``.
    """

    curve: Curve
    of: str
    half: float


class Calibration(msgspec.Struct, frozen=True):
    """How a score becomes a probability, by how much was seen of the ``evidence`` feature (log2 of its count)."""

    evidence: str
    slope: Curve
    offset: Curve
    lowest: float  # no model is surer than this that somebody is a person
    highest: float  # or a bot


class Telling(msgspec.Struct, frozen=True):
    """What a reader of a verdict is told when the probability is at least a half, and when it is not."""

    bot_reason: str
    bot_message: str
    person_reason: str
    person_message: str


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's JSON file holds.

    ``enough`` are the smallest values of features for any answer; ``parts`` are in log odds of being a bot.
    """

    name: str
    about: str
    telling: Telling
    enough: dict[str, float]
    intercept: float
    parts: dict[str, Part]
    calibration: Calibration


class Answer(NamedTuple):
    """A model's answer.

    ``parts`` are the shares of the log odds of the model's ``names``, 0 for what is missing; with the intercept and the
    calibration's offset they add up to it.
    """

    probability: float
    parts: _Floats


class Model:
    """A trained model.

    Parameters
    ----------
    version
        Fingerprint of its file.
    """

    def __init__(self, file: ModelFile, version: str) -> None:
        self.name = file.name
        self.version = version
        self._file = file
        self._enough = tuple(file.enough.items())
        self.names = tuple(file.parts)
        parts = file.parts.values()
        self._counts = tuple(part.of for part in parts)
        self._half = np.array([part.half for part in parts])
        self._first = np.array([0, *accumulate(len(part.curve.at) for part in parts)])
        self._at = np.array([place for part in parts for place in part.curve.at])
        self._height = np.array([height for part in parts for height in part.curve.height])

    def describe(self) -> dict[str, Any]:
        """Give the model's facts as JSON-ready data."""
        file = self._file
        return {
            "name": self.name,
            "version": self.version,
            "about": file.about,
            "reasons": {"bot": file.telling.bot_reason, "person": file.telling.person_reason},
            "enough": file.enough,
            "needs": sorted({*file.parts, *(part.of for part in file.parts.values())}),
        }

    def answer(self, features: Features) -> Answer | None:
        """Judge a subject; None when too little was seen."""
        for name, least in self._enough:
            value = features.get(name)
            if value is None or not value >= least:
                return None
        calibration = self._file.calibration
        seen = math.log2(max(1.0, features.get(calibration.evidence) or 0.0))
        slope = calibration.slope(seen)
        values = np.array([features.get(name) for name in self.names], float)  # a missing one becomes NaN
        counts = np.array([features.get(name) for name in self._counts], float)
        parts = _heights(values, counts, self._half, self._first, self._at, self._height) * slope
        odds = slope * self._file.intercept + math.fsum(parts.tolist()) + calibration.offset(seen)
        lowest, highest = calibration.lowest, calibration.highest
        return Answer(lowest + (highest - lowest) * logistic(odds), parts)

    def signal(self, features: Features) -> Signal | None:
        """Judge a subject and tell why; the features that speak for the answer stand as evidence."""
        answer = self.answer(features)
        if answer is None:
            return None
        telling, bot = self._file.telling, answer.probability >= 0.5
        speaking = answer.parts if bot else -answer.parts
        strongest = np.argsort(-speaking, kind="stable")[:_TOLD_FEATURES].tolist()
        return Signal(
            telling.bot_reason if bot else telling.person_reason,
            answer.probability,
            telling.bot_message if bot else telling.person_message,
            {self.names[part]: features[self.names[part]] for part in strongest if speaking[part] > 0},
            learned=True,
        )


@compiled("f8[::1](f8[::1], f8[::1], f8[::1], i8[::1], f8[::1], f8[::1])")
def _heights(
    values: _Floats, counts: _Floats, half: _Floats, first: NDArray[np.int64], at: _Floats, height: _Floats
) -> _Floats:
    """Give each feature's height, counted by what stands behind it; 0 where either is missing.

    Curves stand one after another in ``at`` and ``height``: the one of a feature from its ``first`` to the next one's.
    """
    found = np.zeros(len(values))
    for part in range(len(values)):
        value, count = values[part], counts[part]
        if value != value or not count > 0:
            continue
        curve = slice(first[part], first[part + 1])
        found[part] = np.interp(value, at[curve], height[curve]) * count / (count + half[part])
    return found


def logistic(odds: float) -> float:
    """Turn log odds into a probability, whatever their size.

    >>> logistic(0.0)
    0.5
    """
    if odds >= 0:
        return 1 / (1 + math.exp(-min(odds, 700.0)))
    small = math.exp(max(odds, -700.0))
    return small / (1 + small)


def read_model(data: bytes) -> Model:
    """Read a model's file.

    Raises
    ------
    msgspec.DecodeError
        When it holds no model.
    """
    return Model(_decoder.decode(data), hashlib.sha256(data).hexdigest()[:12])


def load_models(package_name: str) -> tuple[Model, ...]:
    """Read every model in a domain's ``models`` folder, in the order of their names; none without such a folder."""
    folder = files(package_name) / "models"
    if not folder.is_dir():
        return ()
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name)
    return tuple(read_model(entry.read_bytes()) for entry in found)


def versions_of(models: Iterable[Model]) -> dict[str, str]:
    """Give the versions of models by their names."""
    return {model.name: model.version for model in models}


def sureness(signals: Sequence[Signal]) -> float:
    """Tell how sure learned answers are, either way, 0..1."""
    return max((abs(2 * signal.weight - 1) for signal in signals), default=0.0)


_decoder: Final = msgspec.json.Decoder(ModelFile)
