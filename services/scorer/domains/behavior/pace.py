"""Whether steps follow the clock: a hand goes on between two samples, so a longer wait brings a longer step.

A program that walks a list of points makes its steps whatever the clock does. Neighbouring steps are compared, by the
logarithms of their lengths and of the times they took, as they were recorded.
"""

import math
from typing import Final

import msgspec

from services.scorer.compiled import compiled
from services.scorer.domains.behavior.samples import Places, Times
from services.scorer.features import Feature, Features

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

    def add(self, t: Times, p: Places, seen: int) -> None:
        """Add the pairs that end with new samples; the first ``seen`` are old."""
        pairs, time2, length2, product = _compare(t, p, seen)
        self.pairs += pairs
        self.time2 += time2
        self.length2 += length2
        self.product += product

    def values(self) -> Features:
        """Give ``PACE_FEATURES``."""
        slope = ratio = None
        if self.pairs >= _ENOUGH and self.time2 >= _REGULAR * self.pairs:
            slope = max(-1.0, min(2.0, self.product / self.time2))
            floor = _FLOOR * self.pairs
            speed2 = self.length2 + self.time2 - 2 * self.product
            ratio = 0.5 * math.log((self.length2 + floor) / (speed2 + floor))
        return {"pointer_pairs": self.pairs, "pointer_pace_slope": slope, "pointer_pace_ratio": ratio}


@compiled("Tuple((i8, f8, f8, f8))(f8[::1], c16[::1], i8)")
def _compare(t: Times, p: Places, seen: int) -> tuple[int, float, float, float]:
    pairs, time2, length2, product = 0, 0.0, 0.0, 0.0
    for last in range(max(seen, 2), len(t)):
        before_ms, ms = t[last - 1] - t[last - 2], t[last] - t[last - 1]
        before_px, px = abs(p[last - 1] - p[last - 2]), abs(p[last] - p[last - 1])
        if min(before_px, px) >= _CLEAR_PX and max(before_ms, ms) <= _LONGEST_MS:
            time, way = math.log(max(ms, _FLOOR) / max(before_ms, _FLOOR)), math.log(px / before_px)
            pairs += 1
            time2 += time * time
            length2 += way * way
            product += time * way
    return pairs, time2, length2, product
