from typing import Any

import pytest

from services.gateway.sessions.key_classes import key_class_of


@pytest.mark.parametrize(
    ("said", "key_class"),
    [
        ("a", "letter"),
        ("É", "letter"),
        ("ж", "letter"),
        ("中", "letter"),
        ("7", "digit"),
        (" ", "space"),
        ("!", "punctuation"),
        ("€", "punctuation"),
        ("Enter", "enter"),
        ("Tab", "tab"),
        ("Backspace", "backspace"),
        ("Delete", "delete"),
        ("Escape", "escape"),
        ("Esc", "escape"),
        ("ArrowLeft", "arrow"),
        ("Home", "navigation"),
        ("PageDown", "navigation"),
        ("Shift", "modifier"),
        ("Control", "modifier"),
        ("CapsLock", "modifier"),
        ("F5", "function"),
        ("F24", "function"),
        ("F25", "other"),
        ("Dead", "other"),
        ("Unidentified", "other"),
        ("Process", "other"),
        ("hunter2", "other"),
        ("", "other"),
    ],
)
def test_keys_have_a_class(said: str, key_class: str) -> None:
    assert key_class_of({"key": said}) == key_class


@pytest.mark.parametrize(
    ("item", "key_class"),
    [
        ({"code": "KeyA"}, "letter"),
        ({"code": "Digit7"}, "digit"),
        ({"code": "Numpad7"}, "digit"),
        ({"code": "Minus"}, "punctuation"),
        ({"code": "ShiftLeft"}, "modifier"),
        ({"keyCode": 65}, "letter"),
        ({"keyCode": 8}, "backspace"),
        ({"which": 13}, "enter"),
        ({"keyCode": 112}, "function"),
        ({"keyCode": 9999}, "other"),
        ({"key": "Unidentified", "code": "KeyA"}, "letter"),
        ({"key_class": "tab", "key": "a"}, "tab"),
        ({"key": {"value": "a"}}, "other"),
        ({"key": None}, "other"),
        ({"keyCode": 6.5}, "other"),
        ({}, "other"),
    ],
)
def test_codes_and_numbers_will_do(item: dict[str, Any], key_class: str) -> None:
    assert key_class_of(item) == key_class
