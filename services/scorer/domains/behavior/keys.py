"""The rhythm of typing. Which keys were pressed is never known."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from services.scorer.domains.behavior.pointer import epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import KeyPress, KeyTrack

KEY_FEATURES: Final = {
    "key_intervals": Feature("count", "times between neighbouring key presses, pauses left out"),
    "key_interval_mean_ms": Feature("ms", "their mean"),
    "key_interval_cv": Feature("ratio", "their standard deviation over their mean"),
}

_PAUSE_MS: Final = 2_000.0


class KeyState(msgspec.Struct, array_like=True):
    """Running sums over intervals, and the last press (ms, by the client's clock)."""

    intervals: int = 0
    total_ms: float = 0.0
    total_squares: float = 0.0
    last_press_ms: float | None = None

    def observe(self, presses: Sequence[KeyPress], tracks: Sequence[KeyTrack]) -> None:
        """Fold the key presses of one batch in; a key held down that repeats is the device's rhythm, not a hand's."""
        times = [epoch_ms(press.occurred_at) for press in presses if not press.repeat]
        for track in tracks:
            start = epoch_ms(track.started_at)
            times += [start + offset for offset in track.t]
        for time in sorted(times):
            self._press(time)

    def values(self) -> Features:
        """Give the features of ``KEY_FEATURES``."""
        if not self.intervals:
            return {"key_intervals": 0, "key_interval_mean_ms": None, "key_interval_cv": None}
        mean = self.total_ms / self.intervals
        spread = math.sqrt(max(0.0, self.total_squares / self.intervals - mean * mean))
        return {"key_intervals": self.intervals, "key_interval_mean_ms": mean, "key_interval_cv": spread / mean}

    def _press(self, time: float) -> None:
        interval = time - self.last_press_ms if self.last_press_ms is not None else 0.0
        self.last_press_ms = time
        if 0.0 < interval <= _PAUSE_MS:
            self.intervals += 1
            self.total_ms += interval
            self.total_squares += interval * interval
