"""How fingers tap and swipe. One finger at a time is followed; each touch is a movement of its own."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from services.scorer.domains.behavior.clicks import LogSums
from services.scorer.domains.behavior.moments import share
from services.scorer.domains.behavior.motion import CONTEXT, MOTION_FEATURES, MotionSums, named
from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.domains.behavior.strokes import STROKE_FEATURES, StrokeSums
from services.scorer.features import Feature, Features
from shared.contracts.behavior import TouchEnd, TouchMove, TouchStart, TouchTrack

_FINE: Final = "touch_fine_"
_STROKE: Final = "touch_stroke_"

TOUCH_FEATURES: Final = {
    "touches": Feature("count", "fingers put on the screen, one at a time"),
    "touch_taps": Feature("count", "of these, those lifted within 0.7 s where they came down"),
    "touch_tap_ms": Feature("ms", "geometric mean of how long taps last"),
    "touch_tap_spread": Feature("log ratio", "standard deviation of the logarithm of that time"),
    "touch_drift_share": Feature("share", "taps during which the finger moved at all, as soft fingertips do"),
    "touch_contact_share": Feature("share", "samples whose pressure or radius differs from the one before"),
    **named(_FINE, MOTION_FEATURES),
    **named(_STROKE, STROKE_FEATURES),
}

_APART_MS: Final = 12.0
_FINE_MS: Final = 40.0
_TAP_MS: Final = 700.0
_TAP_PX: Final = 12.0
_LOST_MS: Final = 2_000.0  # a finger not heard of for so long was lifted, though nobody said so
_FOLDED: Final = 48  # samples of one touch that are kept before they are summed up

_START, _MOVE, _END = range(3)


class TouchState(msgspec.Struct, array_like=True):
    """Counters, sums, and the samples of the touch under way."""

    touches: int = 0
    taps: int = 0
    drifted: int = 0
    tap: LogSums = msgspec.field(default_factory=LogSums)
    contacts: int = 0
    contact_changes: int = 0
    fine: MotionSums = msgspec.field(default_factory=MotionSums)
    strokes: StrokeSums = msgspec.field(default_factory=StrokeSums)
    finger: int | None = None
    began: tuple[float, float, float] | None = None
    moved_px: float = 0.0
    last_contact: tuple[float, float] | None = None
    t: list[float] = msgspec.field(default_factory=list)
    p: list[tuple[float, float]] = msgspec.field(default_factory=list)
    summed: int = 0  # samples of the touch under way that were summed up already

    def observe(
        self,
        starts: Sequence[TouchStart],
        moves: Sequence[TouchMove],
        ends: Sequence[TouchEnd],
        tracks: Sequence[TouchTrack],
    ) -> None:
        """Fold the touches of one batch in."""
        rows = [(epoch_ms(e.occurred_at), _START, e.touch_id, e.x, e.y, e.pressure, e.radius) for e in starts]
        rows += [(epoch_ms(e.occurred_at), _MOVE, e.touch_id, e.x, e.y, e.pressure, e.radius) for e in moves]
        rows += [(epoch_ms(e.occurred_at), _END, e.touch_id, e.x, e.y, None, None) for e in ends]
        for track in tracks:
            start = epoch_ms(track.started_at)
            columns = zip(track.t, track.x, track.y, strict=True)
            rows += [(start + t, _MOVE, track.touch_id, x, y, None, None) for t, x, y in columns]
        for ms, kind, finger, x, y, pressure, radius in sorted(rows, key=lambda row: row[:2]):
            if kind == _START and (self.finger in (None, finger) or self._lost(ms)):
                self._begin(finger, ms, x, y)
            elif finger != self.finger and self.finger is not None:
                continue
            if kind == _END:
                self._end(ms, x, y)
            else:
                self._sample(ms, x, y)
                self._contact(pressure, radius)

    def values(self) -> Features:
        """Give the features of ``TOUCH_FEATURES``."""
        if not self.touches and not self.t and self.strokes.open is None:
            return _UNTOUCHED
        return self._values()

    def _values(self) -> Features:
        return {
            "touches": self.touches,
            "touch_taps": self.taps,
            "touch_tap_ms": self.tap.mean,
            "touch_tap_spread": self.tap.spread,
            "touch_drift_share": share(self.drifted, self.taps),
            "touch_contact_share": share(self.contact_changes, self.contacts, 8),
            **self.fine.values(_FINE),
            **self.strokes.values(_STROKE),
        }

    def _begin(self, finger: int, ms: float, x: float, y: float) -> None:
        self._sum_up()
        self.t, self.p, self.summed = [], [], 0
        self.touches += 1
        self.finger, self.began, self.moved_px, self.last_contact = finger, (ms, x, y), 0.0, None

    def _lost(self, ms: float) -> bool:
        heard_of = self.t[-1] if self.t else self.began[0] if self.began else ms
        return ms - heard_of > _LOST_MS

    def _end(self, ms: float, x: float, y: float) -> None:
        began, self.finger, self.began = self.began, None, None
        self._sum_up()
        self.t, self.p, self.summed = [], [], 0
        if began is None:
            return
        moved_px = max(self.moved_px, math.dist(began[1:], (x, y)))
        if 0 < ms - began[0] <= _TAP_MS and moved_px <= _TAP_PX:
            self.taps += 1
            self.drifted += moved_px > 0
            self.tap.add(ms - began[0])

    def _sample(self, ms: float, x: float, y: float) -> None:
        if self.began is not None:
            self.moved_px = max(self.moved_px, math.dist(self.began[1:], (x, y)))
        place = (float(round(x)), float(round(y)))
        if self.t and (ms < self.t[-1] + _APART_MS or place == self.p[-1]):
            return
        self.t.append(ms)
        self.p.append(place)
        if len(self.t) >= _FOLDED:
            self._sum_up()

    def _contact(self, pressure: float | None, radius: float | None) -> None:
        if not pressure and not radius:
            return
        contact = (pressure or 0.0, radius or 0.0)
        if self.last_contact is not None:
            self.contacts += 1
            self.contact_changes += contact != self.last_contact
        self.last_contact = contact

    def _sum_up(self) -> None:
        """Sum up what is new of the touch under way; what windows reach back to is kept."""
        if len(self.t) - self.summed < 1 or len(self.t) < 2:
            return
        t, p = np.array(self.t), np.array([complex(*place) for place in self.p])
        last = max(0, self.summed - 1)
        self.fine.add(t, p, self.summed, _FINE_MS)
        self.strokes.add(t[last:], p[last:])
        self.t, self.p = self.t[-CONTEXT:], self.p[-CONTEXT:]
        self.summed = len(self.t)


_UNTOUCHED: Final = TouchState()._values()
