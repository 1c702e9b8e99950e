"""What kinds of events a session has, and how soon the hand goes from the mouse to the keys."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, get_args

import msgspec

from services.scorer.domains.behavior.keys import MODIFIER, Press
from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import AnyBehaviorEvent, AnyBehaviorTrack, PointerDown

MIX_FEATURES: Final = {
    "mix_events": Feature("count", "events seen; each sample of a track is one"),
    "mix_kinds": Feature("count", "kinds of events seen"),
    "mix_most_share": Feature("share", "of these, those of the most frequent kind"),
    "mix_hand_switches": Feature("count", "clicks of a mouse that a key followed within 3 s"),
    "mix_instant_switch_share": Feature("share", "of these, those followed within 80 ms"),
}

# Objects and tracks of one signal are of one kind.
_KINDS: Final[tuple[str, ...]] = tuple(str(event.__struct_config__.tag) for event in get_args(AnyBehaviorEvent))
_ROW: Final[Mapping[type, int]] = {
    kind: _KINDS.index(str(kind.__struct_config__.tag)) for kind in get_args(AnyBehaviorEvent | AnyBehaviorTrack)
}
_SWITCH_MS: Final = 3_000.0
_INSTANT_MS: Final = 80.0


class MixState(msgspec.Struct, array_like=True):
    """Counters by kind, and the last click that no key has followed yet (ms, by the client's clock)."""

    by_kind: list[int] = msgspec.field(default_factory=lambda: [0] * len(_KINDS))
    switches: int = 0
    instant: int = 0
    clicked_at: float | None = None

    def observe(
        self,
        events: Mapping[type, Sequence[Any]],
        tracks: Mapping[type, Sequence[Any]],
        downs: Sequence[PointerDown],
        presses: Sequence[Press],
    ) -> None:
        """Fold the events of one batch in, grouped by their type, and its clicks and key presses."""
        for kind, group in events.items():
            self.by_kind[_ROW[kind]] += len(group)
        for kind, group in tracks.items():
            self.by_kind[_ROW[kind]] += sum(len(track.t) for track in group)
        clicks = [(epoch_ms(down.occurred_at), False) for down in downs if down.pointer == "mouse"]
        if clicks or self.clicked_at is not None:
            self._follow_hand(clicks + [(press[0], True) for press in presses if press[2] != MODIFIER])

    def values(self) -> Features:
        """Give the features of ``MIX_FEATURES``."""
        events = sum(self.by_kind)
        return {
            "mix_events": events,
            "mix_kinds": sum(count > 0 for count in self.by_kind),
            "mix_most_share": max(self.by_kind) / events if events else None,
            "mix_hand_switches": self.switches,
            "mix_instant_switch_share": self.instant / self.switches if self.switches else None,
        }

    def _follow_hand(self, moments: list[tuple[float, bool]]) -> None:
        """Take note of clicks, and of the first key after each."""
        for time, is_key in sorted(moments, key=itemgetter(0)):
            if is_key and self.clicked_at is not None and 0 <= time - self.clicked_at <= _SWITCH_MS:
                self.switches += 1
                self.instant += time - self.clicked_at <= _INSTANT_MS
            self.clicked_at = None if is_key else time
