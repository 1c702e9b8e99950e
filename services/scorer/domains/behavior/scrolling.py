"""How a page is scrolled: its steps, their rhythm and their inertia.

Wheels have notches and browsers animate at the screen's rate, so equal steps or equal times alone are honest.
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

import msgspec

from services.scorer.domains.behavior.moments import share, spread
from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import Scroll, ScrollTrack

SCROLL_FEATURES: Final = {
    "scrolls": Feature("count", "steps of scrolling by wheel, finger or an untold way, pauses between them left out"),
    "scroll_jumps": Feature("count", "steps of over 5,000 px at once"),
    "scroll_step_spread": Feature("log ratio", "standard deviation of the logarithm of steps"),
    "scroll_interval_spread": Feature("log ratio", "standard deviation of the logarithm of the times between them"),
    "scroll_slow_share": Feature("share", "steps 60 ms and more after the one before, slower than any animation"),
    "scroll_even_share": Feature("share", "steps with the size and, to a twentieth, the time of the one before"),
    "scroll_turn_share": Feature("share", "steps in the other direction than the one before: people go back to look"),
    "scroll_fading_share": Feature("share", "steps smaller than the one before, as momentum fades"),
}

_PAUSE_MS: Final = 1_500.0
_SLOW_MS: Final = 60.0
_JUMP_PX: Final = 5_000.0
_SMALLEST_PX: Final = 0.1
_EVEN: Final = 0.05
# Keys, dragged bars and the page itself scroll as far and as evenly as they like.
_BY_HAND: Final = ("wheel", "touch", None)


class ScrollState(msgspec.Struct, array_like=True):
    """Counters and sums, and the last offset, step and interval."""

    steps: int = 0
    jumps: int = 0
    log_px: float = 0.0
    log_px2: float = 0.0
    log_ms: float = 0.0
    log_ms2: float = 0.0
    slow: int = 0
    pairs: int = 0
    even: int = 0
    turns: int = 0
    fading: int = 0
    last: tuple[float, float] | None = None
    last_step: tuple[float, float] | None = None

    def observe(self, scrolls: Sequence[Scroll], tracks: Sequence[ScrollTrack]) -> None:
        """Fold the scrolling of one batch in."""
        offsets = [(epoch_ms(scroll.occurred_at), scroll.y, scroll.source in _BY_HAND) for scroll in scrolls]
        for track in tracks:
            start = epoch_ms(track.started_at)
            offsets += [(start + t, y, True) for t, y in zip(track.t, track.y, strict=True)]
        for ms, y, by_hand in sorted(offsets, key=itemgetter(0)):
            self._scroll(ms, y, by_hand=by_hand)

    def values(self) -> Features:
        """Give the features of ``SCROLL_FEATURES``."""
        return {
            "scrolls": self.steps,
            "scroll_jumps": self.jumps if self.steps or self.jumps else None,
            "scroll_step_spread": spread(self.steps, self.log_px, self.log_px2),
            "scroll_interval_spread": spread(self.steps, self.log_ms, self.log_ms2),
            "scroll_slow_share": share(self.slow, self.steps),
            "scroll_even_share": share(self.even, self.pairs),
            "scroll_turn_share": share(self.turns, self.pairs),
            "scroll_fading_share": share(self.fading, self.pairs),
        }

    def _scroll(self, ms: float, y: float, *, by_hand: bool) -> None:
        last = self.last
        if last is not None and (ms == last[0] or y == last[1]):
            return  # no news, or one tick of a clamped timer
        self.last = (ms, y)
        if last is None or not by_hand:
            self.last_step = None
            return
        elapsed, px = ms - last[0], y - last[1]
        self.jumps += abs(px) > _JUMP_PX
        if not 0 < elapsed <= _PAUSE_MS:
            self.last_step = None
            return
        self._step(elapsed, px)

    def _step(self, elapsed: float, px: float) -> None:
        log_ms, log_px = math.log(elapsed), math.log(max(abs(px), _SMALLEST_PX))
        self.steps += 1
        self.slow += elapsed >= _SLOW_MS
        self.log_ms, self.log_ms2 = self.log_ms + log_ms, self.log_ms2 + log_ms * log_ms
        self.log_px, self.log_px2 = self.log_px + log_px, self.log_px2 + log_px * log_px
        if self.last_step is not None:
            before_ms, before_px = self.last_step
            self.pairs += 1
            self.even += px == before_px and abs(elapsed - before_ms) <= _EVEN * before_ms
            self.turns += px * before_px < 0
            self.fading += abs(px) < abs(before_px)
        self.last_step = (elapsed, px)
