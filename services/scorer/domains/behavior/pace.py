"""Whether steps follow the clock: a hand goes on between two samples, so a longer wait brings a longer step.

A program that walks a list of points makes its steps whatever the clock does. Neighbouring steps are compared, by the
logarithms of their lengths and of the times they took, as they were recorded.
"""

import math
from typing import Final

import msgspec
import numpy as np

from services.scorer.domains.behavior.samples import Steps
from services.scorer.features import Feature, Features

CONTEXT: Final = 2  # samples of a pair of steps before its last
_CLEAR_PX: Final = 3.0  # shorter steps are at the mercy of the pixel grid
_LONGEST_MS: Final = 100.0
_ENOUGH: Final = 8
_REGULAR: Final = 0.003  # mean square below which the clock ticks too evenly to tell
_FLOOR: Final = 1e-3

PACE_FEATURES: Final = {
    "pointer_pairs": Feature("count", "neighbouring steps long enough to compare"),
    "pointer_pace_slope": Feature(
        "ratio", "how the logarithm of length follows that of time: 1 for a hand, 0 for lists"
    ),
    "pointer_pace_ratio": Feature(
        "log ratio", "changes of length over changes of speed: below 0 when steps ignore time"
    ),
}


class PaceSums(msgspec.Struct, array_like=True):
    """Sums over pairs of neighbouring steps: of the squares of both changes, and of their product."""

    pairs: int = 0
    time2: float = 0.0
    length2: float = 0.0
    product: float = 0.0

    def add(self, steps: Steps) -> None:
        """Add steps; all pairs of them are new."""
        elapsed, _, length = steps
        clear = (length >= _CLEAR_PX) & (elapsed <= _LONGEST_MS)
        both = clear[1:] & clear[:-1]
        count = int(np.count_nonzero(both))
        if not count:
            return
        logs = np.log(np.maximum((elapsed, length), _FLOOR))
        time, way = (logs[:, 1:] - logs[:, :-1])[:, both]
        self.pairs += count
        self.time2 += float(time @ time)
        self.length2 += float(way @ way)
        self.product += float(time @ way)

    def values(self) -> Features:
        """Give ``PACE_FEATURES``."""
        slope = ratio = None
        if self.pairs >= _ENOUGH and self.time2 >= _REGULAR * self.pairs:
            slope = max(-1.0, min(2.0, self.product / self.time2))
            floor = _FLOOR * self.pairs
            speed2 = self.length2 + self.time2 - 2 * self.product
            ratio = 0.5 * math.log((self.length2 + floor) / (speed2 + floor))
        return {"pointer_pairs": self.pairs, "pointer_pace_slope": slope, "pointer_pace_ratio": ratio}
