"""Print the reference of features: ``python -m services.scorer.lab.features > docs/features.md``."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.scorer.domains.behavior.attention import ATTENTION_FEATURES
from services.scorer.domains.behavior.device import DEVICE_FEATURES
from services.scorer.domains.behavior.drawing import DRAWING_FEATURES
from services.scorer.domains.behavior.forms import FORM_FEATURES
from services.scorer.domains.behavior.keys import KEY_FEATURES
from services.scorer.domains.behavior.mix import MIX_FEATURES
from services.scorer.domains.behavior.network import NETWORK_FEATURES
from services.scorer.domains.behavior.pace import PACE_FEATURES
from services.scorer.domains.behavior.pointer import POINTER_FEATURES
from services.scorer.domains.behavior.scrolling import SCROLL_FEATURES
from services.scorer.domains.behavior.touch import TOUCH_FEATURES
from services.scorer.domains.behavior.trust import TRUST_FEATURES
from services.scorer.features import Feature

_INTRODUCTION: Final = """# Features

What rules and models read of a session of behaviour. This page is printed by `python -m services.scorer.lab.features`
from the tables beside the code, and a test holds it to them.

A value is none when its signal is missing or too scarce to tell; counts are then 0. None is no evidence: rules that
need it answer unknown, and models leave it out. No value depends on how a session was cut into batches. Most are
free of units, so that screens, devices and recorders compare.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: which features, of what events, and when they are none."""

    title: str
    source: str
    missing: str
    table: Mapping[str, Feature]


def _of_pointer(*prefixes: str) -> dict[str, Feature]:
    return {name: row for name, row in POINTER_FEATURES.items() if name.startswith(prefixes)}


_FINE: Final = _of_pointer("pointer_fine_")
_COARSE: Final = _of_pointer("pointer_coarse_")
_STROKES: Final = _of_pointer("pointer_stroke_")
_SECTIONED: Final = {**_FINE, **_COARSE, **_STROKES, **DRAWING_FEATURES, **PACE_FEATURES}
_OTHERS: Final = {name: row for name, row in POINTER_FEATURES.items() if name not in _SECTIONED}
_CLICKS: Final = {name: row for name, row in _OTHERS.items() if "click" in name or "jump" in name}
_PATH: Final = {name: row for name, row in _OTHERS.items() if name not in _CLICKS}

_MOUSE: Final = "`pointer.move` of mouse and pen, as events and tracks"
_FINGERS: Final = "`touch.start`, `touch.move`, `touch.end`"

SECTIONS: Final = (
    Section("The pointer's path", _MOUSE, "nothing was moved, or not by steps long enough to compare", _PATH),
    Section(
        "Motion, fine", _MOUSE, "under 8 windows of samples 12 to 40 ms apart: a slow recorder, or little moved", _FINE
    ),
    Section("Motion, coarse", _MOUSE, "under 8 windows of samples 96 to 250 ms apart: about a second moved", _COARSE),
    Section("Strokes", _MOUSE, "no movement of 4 steps and 25 px; spreads need three, correlations six", _STROKES),
    Section(
        "Exactness",
        _MOUSE,
        "no 8 steps of 12 ms and more that lead 60 px off the axes; roughness needs three",
        DRAWING_FEATURES,
    ),
    Section("Pace", _MOUSE, "under 8 pairs of steps, or samples come so evenly that time says nothing", PACE_FEATURES),
    Section(
        "Clicks", "`pointer.down`, `pointer.up` of mouse and pen", "too few clicks; a finger's are no clicks", _CLICKS
    ),
    Section("Fingers", _FINGERS, "no fingers, or too few taps or swipes", TOUCH_FEATURES),
    Section("Scrolling", "`scroll` by wheel, finger or an untold way", "nothing was scrolled by hand", SCROLL_FEATURES),
    Section("Keys", "`key.press`, as events and tracks", "too little was typed, or dwell was not sent", KEY_FEATURES),
    Section("Forms", "`form.changed`, `form.submitted`, `clipboard.used`", "no form was filled", FORM_FEATURES),
    Section(
        "Attention",
        "`focus.*`, `visibility.changed`, among input events",
        "the client does not tell",
        ATTENTION_FEATURES,
    ),
    Section("Mix and order of events", "every event", "too few events of the kinds compared", MIX_FEATURES),
    Section("Trust", "`trusted` of input events", "the client does not tell", TRUST_FEATURES),
    Section("Device", "`device.fingerprint`", "the client did not look, or does not tell", DEVICE_FEATURES),
    Section("Network", "`network.facts`, from the edge", "the edge does not tell", NETWORK_FEATURES),
)


def page() -> str:
    """Give the reference as Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, SECTIONS)])


def _section(section: Section) -> str:
    rows = [f"| `{name}` | {row.unit} | {row.about} |" for name, row in section.table.items()]
    head = f"## {section.title}\n\nSource: {section.source}. None when: {section.missing}.\n"
    return "\n".join([head, "| feature | unit | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
