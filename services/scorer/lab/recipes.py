"""The models we train: one for the pointer, one for the keys. Each speaks only of what it saw."""

from typing import Final

from services.scorer.features import Feature
from services.scorer.lab.learn import Recipe
from services.scorer.models import Telling

# What tells of the recorder rather than of who moves: sampling rates, timer grids, and what they blur.
_OF_RECORDERS: Final = frozenset({
    "pointer_interval_ms", "click_rest_ms", "key_interval_grid_share", "key_dwell_grid_share", "key_tied_share",
})  # fmt: skip


def _of_pointer(name: str, _: Feature) -> bool:
    return name.startswith(("pointer_", "click_")) and name not in _OF_RECORDERS


def _of_keys(name: str, _: Feature) -> bool:
    return name.startswith("key_") and name not in _OF_RECORDERS


RECIPES: Final = (
    Recipe(
        name="pointer",
        about="Tells people from programs by how a mouse or pen moves and clicks.",
        telling=Telling(
            bot_reason="POINTER_UNLIKE_PEOPLE",
            bot_message="Taken together, the pointer moves less like people than like programs.",
            person_reason="POINTER_LIKE_PEOPLE",
            person_message="Taken together, the pointer moves more like people than like programs.",
        ),
        reads=_of_pointer,
        enough={"pointer_moves": 20},
        evidence="pointer_moves",
        penalty=3.0,
    ),
    Recipe(
        name="keys",
        about="Tells people from programs by the rhythm of typing.",
        telling=Telling(
            bot_reason="KEYS_UNLIKE_PEOPLE",
            bot_message="Taken together, the keys are struck less like people than like programs do.",
            person_reason="KEYS_LIKE_PEOPLE",
            person_message="Taken together, the keys are struck more like people than like programs do.",
        ),
        reads=_of_keys,
        enough={"key_intervals": 15},
        evidence="key_intervals",
        penalty=3.0,
    ),
)
