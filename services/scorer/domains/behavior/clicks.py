"""How a mouse or pen presses its buttons: how long, how far apart, and what the pointer did before."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from services.scorer.domains.behavior.moments import share, spread
from services.scorer.domains.behavior.samples import Path, Times, epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import PointerDown, PointerUp

CLICK_FEATURES: Final = {
    "clicks": Feature("count", "presses of a mouse or pen"),
    "clicks_hasty": Feature("count", "presses under 30 ms after the one before"),
    "click_dwell_ms": Feature("ms", "geometric mean of the time from press to release, drags left out"),
    "click_dwell_spread": Feature("log ratio", "standard deviation of the logarithm of that time"),
    "click_rest_spread": Feature("log ratio", "standard deviation of the logarithm of the time at rest before a press"),
    "click_rest_ms": Feature("ms", "geometric mean of the time between the last sample of the path and the press"),
    "click_braking": Feature(
        "log ratio", "mean logarithm of the speed 8 to 5 samples before a press over that of the last 4"
    ),
    "click_revisits": Feature("count", "presses at a place pressed before, after the pointer was away"),
    "click_revisit_same_share": Feature("share", "of these, those on the very same pixel"),
    "clicks_before_path": Feature("count", "presses of a mouse at ever other places before it moved at all"),
    "pointer_far_clicks": Feature("count", "clicks of a mouse far away from the one before"),
    "pointer_jump_share": Feature("share", "of these, those to which the mouse jumped at once"),
}

_HASTY_MS: Final = 30.0
_DRAG_PX: Final = 8.0
_LONGEST_DWELL_MS: Final = 2_000.0
_LONGEST_REST_MS: Final = 10_000.0
_FAR_PX: Final = 100.0
_JUMP_MOVES: Final = 1
_NEAR_PX: Final = 12.0
_AWAY_MOVES: Final = 5
_APPROACH: Final = 8  # samples
_LONGEST_APPROACH_MS: Final = 1_500.0
_STILL_PX_MS: Final = 0.01
_REMEMBERED: Final = 8


class Press(NamedTuple):
    """A button that went down."""

    ms: float
    x: float
    y: float
    button: int


class LogSums(msgspec.Struct, array_like=True):
    """Count, sum and sum of squares of logarithms."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Add a positive number."""
        log = math.log(value)
        self.count, self.total, self.squares = self.count + 1, self.total + log, self.squares + log * log

    @property
    def mean(self) -> float | None:
        """The geometric mean."""
        return math.exp(self.total / self.count) if self.count else None

    @property
    def spread(self) -> float | None:
        """The standard deviation of the logarithm; none of fewer than three."""
        return spread(self.count, self.total, self.squares)


class ClickState(msgspec.Struct, array_like=True):
    """Counters, the button that is down, and the last places pressed."""

    presses: int = 0
    hasty: int = 0
    revisits: int = 0
    same: int = 0
    before_path: int = 0
    far: int = 0
    jumps: int = 0
    dwell: LogSums = msgspec.field(default_factory=LogSums)
    rest: LogSums = msgspec.field(default_factory=LogSums)
    moves: int = 0
    moves_since_press: int = 0
    brakings: int = 0
    braking: float = 0.0
    last_move_ms: float = -math.inf
    last_press: Press | None = None
    last_mouse: tuple[float, float] | None = None
    down: Press | None = None
    places: list[tuple[float, float]] = msgspec.field(default_factory=list)

    def observe(self, downs: Sequence[PointerDown], ups: Sequence[PointerUp], move_times: Times, thinned: Path) -> None:
        """Fold presses and releases in, among the times of the path's new samples.

        Parameters
        ----------
        downs, ups
            In any order; those of fingers are left out.
        move_times
            Of the new samples of the path.
        thinned
            The path's last samples before this batch and its new ones, thinned.
        """
        both: list[PointerDown | PointerUp] = [*downs, *ups]
        events = [event for event in both if event.pointer != "touch"]
        times: list[float] = move_times.tolist() if events else []
        counted = 0
        # A release comes after the press of the same time: clamped timers make them one.
        for event in sorted(events, key=lambda event: (event.occurred_at, isinstance(event, PointerUp))):
            ms = epoch_ms(event.occurred_at)
            before = bisect_right(times, ms)
            if before > counted:
                self._moved(before - counted, times[before - 1])
            counted = before
            if isinstance(event, PointerUp):
                self._release(event, ms)
            else:
                self._press(event, ms)
                self._brake(ms, thinned)
        if len(move_times) > counted:
            self._moved(len(move_times) - counted, float(move_times[-1]))

    def values(self) -> Features:
        """Give the features of ``CLICK_FEATURES``."""
        return {
            "clicks": self.presses,
            "clicks_hasty": self.hasty if self.presses > 1 else None,
            "click_dwell_ms": self.dwell.mean,
            "click_dwell_spread": self.dwell.spread,
            "click_rest_ms": self.rest.mean,
            "click_rest_spread": self.rest.spread,
            "click_braking": share(self.braking, self.brakings),
            "click_revisits": self.revisits,
            "click_revisit_same_share": share(self.same, self.revisits),
            "clicks_before_path": self.before_path,
            "pointer_far_clicks": self.far,
            "pointer_jump_share": share(self.jumps, self.far),
        }

    def _moved(self, samples: int, last_ms: float) -> None:
        self.moves += samples
        self.moves_since_press += samples
        self.last_move_ms = last_ms

    def _release(self, up: PointerUp, ms: float) -> None:
        down, self.down = self.down, None
        if down is None or down.button != up.button or math.dist((down.x, down.y), (up.x, up.y)) > _DRAG_PX:
            return
        if 0 < ms - down.ms <= _LONGEST_DWELL_MS:
            self.dwell.add(ms - down.ms)

    def _press(self, event: PointerDown, ms: float) -> None:
        press = Press(ms, event.x, event.y, event.button)
        if press == self.last_press:
            return  # sent twice
        self.presses += 1
        self.hasty += self.last_press is not None and 0 < ms - self.last_press.ms < _HASTY_MS
        if 0 < ms - self.last_move_ms <= _LONGEST_REST_MS:
            self.rest.add(ms - self.last_move_ms)
        self._revisit(event)
        if event.pointer == "mouse":
            self._travel(event)
        self.last_press = self.down = press
        self.moves_since_press = 0

    def _brake(self, ms: float, thinned: Path) -> None:
        """Compare the speeds of the last four steps before a press with those of the four before them."""
        t, p = thinned
        end = int(np.searchsorted(t, ms, "right"))
        if end < _APPROACH:
            return
        t, p = t[end - _APPROACH : end], p[end - _APPROACH : end]
        if ms - t[0] > _LONGEST_APPROACH_MS:
            return
        way, half = np.abs(p[1:] - p[:-1]), _APPROACH // 2
        early, late = way[: half - 1].sum() / (t[half - 1] - t[0]), way[half:].sum() / (t[-1] - t[half])
        self.brakings += 1
        self.braking += math.log((early + _STILL_PX_MS) / (late + _STILL_PX_MS))

    def _revisit(self, event: PointerDown) -> None:
        place = (event.x, event.y)
        if self.moves_since_press >= _AWAY_MOVES and self.places:
            nearest = min(math.dist(place, other) for other in self.places)
            self.revisits += nearest <= _NEAR_PX
            self.same += nearest == 0
        if place not in self.places:
            self.places = [*self.places, place][-_REMEMBERED:]

    def _travel(self, event: PointerDown) -> None:
        place = (event.x, event.y)
        if self.last_mouse is not None and math.dist(self.last_mouse, place) >= _FAR_PX:
            self.far += 1
            self.jumps += self.moves_since_press <= _JUMP_MOVES
            self.before_path += self.moves == 0
        self.last_mouse = place
