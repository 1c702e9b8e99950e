"""Whether input events came from a device or were made by a script, as the browser tells (``isTrusted``)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.scorer.features import Feature, Features
from shared.contracts.behavior import BehaviorEvent, BehaviorTrack

TRUST_FEATURES: Final = {
    "trust_told": Feature("count", "input events of which the browser told whether they came from a device"),
    "untrusted_share": Feature("share", "of these, those that a script made"),
}


class TrustState(msgspec.Struct, array_like=True):
    """Counters."""

    told: int = 0
    untrusted: int = 0

    def observe(self, events: Sequence[BehaviorEvent], tracks: Sequence[BehaviorTrack]) -> None:
        """Fold input events and tracks in; each track sample counts."""
        answers = [event.trusted for event in events]
        self._count(answers.count(True), trusted=True)
        self._count(answers.count(False), trusted=False)
        for track in tracks:
            if track.trusted is not None:
                self._count(len(track.t), trusted=track.trusted)

    def values(self) -> Features:
        """Give the features of ``TRUST_FEATURES``."""
        return {"trust_told": self.told, "untrusted_share": self.untrusted / self.told if self.told else None}

    def _count(self, events: int, *, trusted: bool) -> None:
        self.told += events
        self.untrusted += 0 if trusted else events
