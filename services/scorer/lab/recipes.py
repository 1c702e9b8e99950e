"""The models we train: one for the pointer, one for the keys. Each speaks only of what it saw."""

from functools import partial
from typing import Final

from services.scorer.features import Feature
from services.scorer.lab.learn import Recipe
from services.scorer.models import Telling

# What tells of the recorder or the task rather than of who moves: sampling rates, timer grids, what they blur, pauses.
_OF_RECORDERS: Final = frozenset({
    "pointer_interval_ms", "pointer_stroke_pause_spread", "click_rest_ms", "key_interval_grid_share",
    "key_dwell_grid_share", "key_tied_share", "key_correction_share",
})  # fmt: skip


def _of_pointer(name: str, _: Feature) -> bool:
    return name.startswith(("pointer_", "click_")) and name not in _OF_RECORDERS


def _of_keys(name: str, _: Feature) -> bool:
    # How fast somebody types, and what, is no evidence; only how.
    return name.startswith("key_") and not name.endswith(("_ms", "_letter_share")) and name not in _OF_RECORDERS


# The count behind a feature, by the start of its name, and at how much of it the feature counts half.
_BEHIND_POINTER: Final = (
    ("pointer_fine_", "pointer_fine_windows", 60.0),
    ("pointer_coarse_", "pointer_coarse_windows", 20.0),
    ("pointer_stroke_", "pointer_stroke_strokes", 8.0),
    ("pointer_even_", "pointer_steps", 40.0),
    ("pointer_reversal_", "pointer_turns", 40.0),
    ("pointer_line_", "pointer_stretches", 4.0),
    ("pointer_arc_", "pointer_stretches", 4.0),
    ("pointer_roughness", "pointer_stretches", 4.0),
    ("pointer_pace_", "pointer_pairs", 20.0),
    ("click_", "clicks", 10.0),
    ("pointer_", "pointer_moves", 60.0),
)
_BEHIND_KEYS: Final = (("key_dwell_", "key_dwells", 30.0), ("key_", "key_intervals", 30.0))


def _behind(table: tuple[tuple[str, str, float], ...], name: str) -> tuple[str, float]:
    return next((of, half) for start, of, half in table if name.startswith(start))


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
        enough={"pointer_moves": 10},
        evidence="pointer_moves",
        stands_on=partial(_behind, _BEHIND_POINTER),
        penalty=1.0,
        prior=0.5,
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
        enough={"key_intervals": 30},
        evidence="key_intervals",
        stands_on=partial(_behind, _BEHIND_KEYS),
        penalty=10.0,
        prior=0.3,  # what one has typed is little beside a path, and people who type are many
    ),
)
