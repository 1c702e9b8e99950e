"""From what a client says of a key to its class. Which key it was goes no further than this call."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from shared.contracts.behavior import KeyClass

_CLASSES: Final = frozenset(get_args(KeyClass))
_PUNCTUATION_CODES: Final = (
    "minus equal bracketleft bracketright semicolon quote backquote backslash comma period slash intlbackslash"
    " intlro intlyen numpadadd numpadsubtract numpadmultiply numpaddivide numpaddecimal numpadcomma numpadequal"
)


def _named() -> dict[str, str]:
    """Table of key names and codes (W3C UI Events), lower case, to classes."""
    names = {
        "space": "space spacebar",
        "enter": "enter return numpadenter",
        "tab": "tab",
        "backspace": "backspace numpadbackspace",
        "delete": "delete del",
        "escape": "escape esc",
        "arrow": "arrow arrowup arrowdown arrowleft arrowright up down left right",
        "navigation": "navigation home end pageup pagedown insert",
        "modifier": "modifier shift control ctrl alt altgraph meta os cmd command super hyper fn fnlock capslock"
        " numlock scrolllock shiftleft shiftright controlleft controlright altleft altright metaleft metaright"
        " osleft osright",
        "function": "function",
        "letter": "letter",
        "digit": "digit",
        "punctuation": "punctuation " + _PUNCTUATION_CODES,
    }
    return {name: key_class for key_class, listed in names.items() for name in listed.split()}


_NAMED: Final[Mapping[str, str]] = _named()
_CODED: Final = re.compile(
    r"(?:key(?P<letter>[a-z])|(?:digit|numpad)(?P<digit>[0-9])|f(?P<function>[1-9]|1[0-9]|2[0-4]))"
)
_SPANS_BY_CLASS: Final[Mapping[str, Iterable[int]]] = {  # of the old KeyboardEvent.keyCode
    "backspace": (8,), "tab": (9,), "enter": (13,), "modifier": (16, 17, 18, 20, 91, 92, 93, 144, 145, 224, 225),
    "escape": (27,), "space": (32,), "navigation": (33, 34, 35, 36, 45), "arrow": (37, 38, 39, 40), "delete": (46,),
    "digit": (*range(48, 58), *range(96, 106)), "letter": range(65, 91), "function": range(112, 136),
    "punctuation": (*range(106, 112), *range(186, 193), *range(219, 224), 226),
}  # fmt: skip
_BY_NUMBER: Final = {number: name for name, numbers in _SPANS_BY_CLASS.items() for number in numbers}


def key_class_of(item: Mapping[str, Any]) -> str:
    """Tell the class of a key event's key: by the class itself, the key, its code or its number; else ``other``.

    >>> key_class_of({"key": "a"}), key_class_of({"code": "Digit7"}), key_class_of({"keyCode": 8})
    ('letter', 'digit', 'backspace')
    """
    for name in ("key_class", "keyClass", "key", "code", "keyCode", "key_code", "which", "charCode"):
        said = item.get(name)
        if said is None:
            continue
        if isinstance(said, str):
            found = said if said in _CLASSES else _class_of_text(said)
        else:
            found = _BY_NUMBER.get(said, "other") if isinstance(said, int) else "other"
        if found != "other":
            return found
    return "other"


def _class_of_text(text: str) -> str:
    if len(text) == 1:
        return _class_of_character(text)
    lowered = text.lower()
    named = _NAMED.get(lowered)
    if named is not None:
        return named
    coded = _CODED.fullmatch(lowered)
    return (coded.lastgroup or "other") if coded else "other"


def _class_of_character(character: str) -> str:
    if character.isalpha():
        return "letter"
    if character.isdigit():
        return "digit"
    if character in "\n\r":
        return "enter"
    if character == "\t":
        return "tab"
    if character.isspace():
        return "space"
    return "punctuation" if character.isprintable() else "other"
