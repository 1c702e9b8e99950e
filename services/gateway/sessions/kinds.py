"""How clients name the kinds of events, alone and in groups."""

from collections.abc import Mapping
from typing import Any, Final

from services.gateway.sessions.spelling import plain

# Beside the contract's types: half a key press, a click without its two ends, and what is known but tells nothing more.
KEY_DOWN: Final = "key down"
KEY_UP: Final = "key up"
KEY_TYPED: Final = "key typed"
CLICK: Final = "click"
IGNORED: Final = "ignored"

_VISIBILITY: Final = (
    "visibilitychange visibility visibilitychanged visible hidden pagevisible pagehidden tabvisible tabhidden"
)
_LISTED: Final[Mapping[str, Mapping[str, str]]] = {
    "mouse": {
        "pointer.move": "move moved mousemove pointermove mouse pointer movement drag",
        "pointer.down": "down mousedown pointerdown press pressed",
        "pointer.up": "up mouseup pointerup release released",
        CLICK: "click mouseclick tap pointerclick",
        "scroll": "scroll",
        IGNORED: "wheel mousewheel dblclick doubleclick contextmenu auxclick enter leave over out mouseenter mouseleave"
        " mouseover mouseout pointerenter pointerleave pointerover pointerout hover drop dragstart dragend",
    },
    "clicks": {CLICK: "click mouseclick tap", "pointer.down": "mousedown", "pointer.up": "mouseup"},
    "keys": {
        "key.press": "keypressed keystroke keystrokes key keyboard stroke",
        KEY_DOWN: "down keydown keyboarddown keystrokedown",
        KEY_UP: "up keyup keyboardup keystrokeup",
        KEY_TYPED: "press keypress keyboardpress",
    },
    "touch": {
        "touch.move": "move touchmove touch",
        "touch.start": "start touchstart down begin",
        "touch.end": "end touchend up cancel touchcancel",
    },
    "focus": {
        "focus.gained": "focus focusin focusgained gained windowfocus",
        "focus.lost": "blur focusout focuslost lost windowblur",
        "visibility.changed": _VISIBILITY,
    },
    "blur": {"focus.lost": "blur focusout focuslost", "focus.gained": "focus focusin focusgained"},
    "visibility": {"visibility.changed": _VISIBILITY},
    "scroll": {"scroll": "scroll scrolled scrollevent", IGNORED: "wheel mousewheel scrollend"},
    "clipboard": {"clipboard.used": "clipboard clipboardused copy cut paste clipboardcopy clipboardcut clipboardpaste"},
    "form": {
        "form.changed": "change changed input formchange formchanged forminput form fieldchange autofill autofilled"
        " forminteraction typing inputchange fieldinput",
        "form.submitted": "submit submitted formsubmit formsubmitted",
        "focus.gained": "focus focusin formfocus fieldfocus",
        "focus.lost": "blur focusout formblur fieldblur",
        "clipboard.used": "paste copy cut formpaste",
        IGNORED: "click reset invalid beforeinput select formreset hover",
    },
    "device": {"device.fingerprint": "fingerprint devicefingerprint device browserfingerprint"},
    "network": {"network.facts": "network networkfacts networkinfo connection"},
}  # fmt: skip

KINDS_BY_GROUP: Final[Mapping[str, Mapping[str, str]]] = {
    group: {word: kind for kind, listed in kinds.items() for word in listed.split()} for group, kinds in _LISTED.items()
}
DEFAULT_BY_GROUP: Final[Mapping[str, str]] = {group: next(iter(kinds)) for group, kinds in _LISTED.items()}

_GROUP_WORDS: Final[Mapping[str, str]] = {
    "mouse": "mouse mousemovements mousemoves mouseevents pointer pointerevents pointers movements mousedata",
    "clicks": "clicks mouseclicks clickevents",
    "keys": "keystrokes keys keyboard keyevents keyboardevents keystrokeevents keypresses keystrokedata",
    "touch": "touch touches touchevents",
    "focus": "focus focusevents focusblur focusblurevents windowfocus",
    "blur": "blur blurs blurevents",
    "visibility": "visibility visibilityevents visibilitychanges",
    "scroll": "scroll scrolls scrollevents scrolling",
    "clipboard": "clipboard clipboardevents",
    "form": "form forms formevents forminteractions",
    "device": "fingerprint devicefingerprint device browserfingerprint deviceinfo devicedata",
    "network": "network networkfacts networkinfo networkdata networkevents",
}
GROUPS: Final[Mapping[str, str]] = {word: group for group, words in _GROUP_WORDS.items() for word in words.split()}

_TYPE_NAMES: Final = (
    "type", "event_type", "eventType", "event", "kind", "interactionType", "interaction_type", "action", "subtype",
    "phase",
)  # fmt: skip
_GROUP_BY_CATEGORY: Final[Mapping[str, str]] = {
    "mouse": "mouse", "pointer": "mouse", "key": "keys", "keyboard": "keys", "keystroke": "keys", "touch": "touch",
    "clipboard": "clipboard", "form": "form", "forminteraction": "form", "visibility": "visibility",
}  # fmt: skip
_OPEN_GROUPS: Final = frozenset(
    {"form", "device", "network"}
)  # there a type may say something else: of a field, of a line


def _anywhere() -> dict[str, str]:
    """Kinds by the words that name them outside any group; a word that two groups know belongs to the first."""
    found: dict[str, str] = {}
    for group, kinds in KINDS_BY_GROUP.items():
        for word, kind in kinds.items():
            found.setdefault(word, kind)
            found.setdefault(group + word, kind)
    for kind in [kind for kinds in _LISTED.values() for kind in kinds if "." in kind]:
        found.setdefault(plain(kind), kind)
    return found


_ANYWHERE: Final = _anywhere()


def kind_in_group(group: str, item: Mapping[str, Any]) -> str | None:
    """Tell the kind of a group's item; one that does not say has its group's first; None when its word is unknown."""
    kinds = KINDS_BY_GROUP[group]
    unknown = False
    for name in _TYPE_NAMES:
        said = item.get(name)
        if isinstance(said, str):
            word = said if said in kinds else plain(said)  # most clients spell as browsers do
            if word in _GROUP_BY_CATEGORY:
                continue
            kind = kinds.get(word) or _ANYWHERE.get(word)
            if kind is not None:
                return kind
            unknown = True
    return None if unknown and group not in _OPEN_GROUPS else DEFAULT_BY_GROUP[group]


def kind_alone(item: Mapping[str, Any]) -> str | None:
    """Tell the kind of an item that stands in no group; None when it does not say, or its word is unknown."""
    for name in _TYPE_NAMES:
        said = item.get(name)
        if isinstance(said, str):
            word = said if said in _ANYWHERE else plain(said)
            if (group := _GROUP_BY_CATEGORY.get(word)) is not None:
                return kind_in_group(group, item)
            if (kind := _ANYWHERE.get(word)) is not None:
                return kind
    return None


def type_name_of(item: Mapping[str, Any]) -> str | None:
    """Tell which field of an item names its kind."""
    return next((name for name in _TYPE_NAMES if name in item), None)
