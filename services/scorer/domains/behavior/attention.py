"""Whether input goes where the page's attention is: to the focused element, on a visible page.

A client that tells nothing of focus or visibility is not judged. Two pages of one session take turns, so an element
counts as focused a little longer than it is, and a page as hidden a little later.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

import msgspec

from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import (
    BehaviorEvent,
    BehaviorTrack,
    FocusGained,
    FocusLost,
    KeyPress,
    VisibilityChanged,
)

ATTENTION_FEATURES: Final = {
    "focus_changes": Feature("count", "times the page or an element gained or lost focus"),
    "focus_keys": Feature("count", "key presses in a named element while the client tells which one is focused"),
    "focus_missed_share": Feature("share", "of these, those in an element that was not focused"),
    "hidden_times": Feature("count", "times the page was hidden"),
    "hidden_checked": Feature("count", "input events since the client first told of visibility"),
    "hidden_input_share": Feature("share", "of these, those over a second after the page was hidden"),
}

_HIDDEN_GRACE_MS: Final = 1_000.0
_FOCUS_GRACE_MS: Final = 250.0

Attention = FocusGained | FocusLost | VisibilityChanged


class AttentionState(msgspec.Struct, array_like=True):
    """Counters, and where attention is (times in ms, by the client's clock)."""

    focus_changes: int = 0
    focus_keys: int = 0
    missed: int = 0
    hidden_times: int = 0
    checked: int = 0
    hidden_input: int = 0
    visibility_told: bool = False
    hidden_at: float | None = None
    focused: str | None = None
    focused_at: float = 0.0
    focused_before: str | None = None

    def observe(
        self, changes: Sequence[Attention], inputs: Sequence[BehaviorEvent], tracks: Sequence[BehaviorTrack]
    ) -> None:
        """Fold changes of attention and the input events and tracks of one batch in, in the order of time."""
        if not changes and not self.visibility_told and self.focused is None:
            return
        if changes or self.hidden_at is not None:
            self._replay(changes, inputs, tracks)
            return
        for event in inputs:
            self._input(epoch_ms(event.occurred_at), event)
        if self.visibility_told:
            self.checked += sum(len(track.t) for track in tracks)

    def values(self) -> Features:
        """Give the features of ``ATTENTION_FEATURES``."""
        return {
            "focus_changes": self.focus_changes,
            "focus_keys": self.focus_keys,
            "focus_missed_share": self.missed / self.focus_keys if self.focus_keys else None,
            "hidden_times": self.hidden_times,
            "hidden_checked": self.checked,
            "hidden_input_share": self.hidden_input / self.checked if self.checked else None,
        }

    def _replay(
        self, changes: Sequence[Attention], inputs: Sequence[BehaviorEvent], tracks: Sequence[BehaviorTrack]
    ) -> None:
        """Go through changes and input in the order of time.

        At equal times changes come first: by a clamped clock, the click that focuses and the key are one moment.
        """
        moments: list[tuple[float, bool, Attention | BehaviorEvent | None]] = [
            (epoch_ms(change.occurred_at), False, change) for change in changes
        ]
        moments += [(epoch_ms(event.occurred_at), True, event) for event in inputs]
        for track in tracks:
            start = epoch_ms(track.started_at)
            moments += [(start + offset, True, None) for offset in track.t]
        for time, is_input, event in sorted(moments, key=itemgetter(0, 1)):
            if is_input:
                self._input(time, event)
            else:
                self._change(time, event)

    def _change(self, time: float, change: object) -> None:
        match change:
            case VisibilityChanged(state="hidden"):
                self.visibility_told, self.hidden_at = True, time
                self.hidden_times += 1
            case VisibilityChanged():
                self.visibility_told, self.hidden_at = True, None
            case FocusGained(target=target):
                self.focus_changes += 1
                self.hidden_at = None  # another page of the session may have it now
                if target is not None:
                    self.focused_before, self.focused, self.focused_at = self.focused, target, time
            case FocusLost():
                self.focus_changes += 1

    def _input(self, time: float, event: BehaviorEvent | None) -> None:
        if self.visibility_told:
            self.checked += 1
            self.hidden_input += self.hidden_at is not None and time - self.hidden_at > _HIDDEN_GRACE_MS
        if isinstance(event, KeyPress) and event.target is not None and self.focused is not None:
            self.focus_keys += 1
            is_late = time - self.focused_at <= _FOCUS_GRACE_MS and event.target == self.focused_before
            self.missed += event.target != self.focused and not is_late
