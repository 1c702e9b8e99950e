"""How forms are filled: by typing, by pasting, by a password manager, by a script.

Password managers, dictation and the browser's own filling are honest ways to fill a form, so filling without typing is
no evidence. A form that claims to be typed, all fields in an instant or faster than anybody types, is.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.scorer.domains.behavior.samples import epoch_ms
from services.scorer.features import Feature, Features
from shared.contracts.behavior import ClipboardUsed, FormChanged, FormSubmitted

FORM_FEATURES: Final = {
    "form_changes": Feature("count", "changes of form fields"),
    "form_typed_share": Feature("share", "of those whose way the client told, the typed ones"),
    "form_filled_share": Feature("share", "of these, those that the browser or a password manager filled in"),
    "form_script_share": Feature("share", "of these, those that a script made"),
    "form_typed_moves": Feature("count", "typed changes that came in another field than the one before"),
    "form_instant_share": Feature("share", "of these, those within 50 ms of the one before"),
    "form_hurried_share": Feature(
        "share", "of those of known length, those within 60 ms a character of the one before, 1 s at most"
    ),
    "form_submits": Feature("count", "forms submitted"),
    "form_pastes": Feature("count", "pastes from the clipboard"),
}

_INSTANT_MS: Final = 50.0
_FASTEST_CHARACTER_MS: Final = 60.0
_HURRIED_AT_MOST_MS: Final = 1_000.0  # a long text may have stood there before


class FormState(msgspec.Struct, array_like=True):
    """Counters, and the last typed change."""

    changes: int = 0
    typed: int = 0
    pasted: int = 0
    filled: int = 0
    scripted: int = 0
    moves: int = 0
    instant: int = 0
    submits: int = 0
    pastes: int = 0
    last_typed: tuple[float, str] | None = None  # ms by the client's clock, field
    sized: int = 0
    hurried: int = 0

    def observe(
        self, changes: Sequence[FormChanged], submits: Sequence[FormSubmitted], clips: Sequence[ClipboardUsed]
    ) -> None:
        """Fold the form and clipboard events of one batch in."""
        self.changes += len(changes)
        self.submits += len(submits)
        self.pastes += sum(clip.action == "paste" for clip in clips)
        for change in sorted(changes, key=lambda change: change.occurred_at) if changes else ():
            match change.method:
                case "typed":
                    self._typed(epoch_ms(change.occurred_at), change.field, change.length)
                case "pasted":
                    self.pasted += 1
                case "autofilled":
                    self.filled += 1
                case "script":
                    self.scripted += 1

    def values(self) -> Features:
        """Give the features of ``FORM_FEATURES``."""
        told = self.typed + self.pasted + self.filled + self.scripted
        return {
            "form_changes": self.changes,
            "form_typed_share": self.typed / told if told else None,
            "form_filled_share": self.filled / told if told else None,
            "form_script_share": self.scripted / told if told else None,
            "form_typed_moves": self.moves,
            "form_instant_share": self.instant / self.moves if self.moves else None,
            "form_hurried_share": self.hurried / self.sized if self.sized else None,
            "form_submits": self.submits,
            "form_pastes": self.pastes,
        }

    def _typed(self, time: float, field: str, length: int | None) -> None:
        self.typed += 1
        if self.last_typed is not None and field != self.last_typed[1]:
            took_ms = abs(time - self.last_typed[0])
            self.moves += 1
            self.instant += took_ms <= _INSTANT_MS
            if length is not None:
                self.sized += 1
                self.hurried += took_ms < min(length * _FASTEST_CHARACTER_MS, _HURRIED_AT_MOST_MS)
        self.last_typed = time, field
