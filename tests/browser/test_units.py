"""The TypeScript side: types, unit tests, and key classes that are the gateway's."""

import json
import string
from pathlib import Path
from typing import Final

import pytest

from deploy import sdks
from services.gateway.sessions.key_classes import key_class_of

_NAMED: Final = (
    "Enter Tab Backspace Delete Escape ArrowUp ArrowDown ArrowLeft ArrowRight Home End PageUp PageDown Insert Shift"
    " Control Alt AltGraph Meta CapsLock NumLock ScrollLock F1 F9 F12 F24 F25 Dead Unidentified Process MediaPlay"
)
_CODES: Final = (
    "KeyA KeyZ Digit0 Digit9 Numpad0 Numpad9 NumpadEnter NumpadAdd NumpadDecimal Space Minus Quote Backquote"
    " BracketLeft IntlBackslash ShiftLeft MetaRight AltRight F5 ArrowUp Home MediaTrackNext"
)


@pytest.mark.parametrize("package", [sdks.BROWSER, sdks.REACT], ids=lambda path: path.name)
def test_types_hold(package: Path, built: None) -> None:
    sdks.npm(["run", "check"], package)


def test_units(built: None) -> None:
    sdks.run_node(["--test", "test/*.test.ts"], sdks.BROWSER)


def test_key_classes_are_the_gateway_s(built: None) -> None:
    keys = [*_NAMED.split(), *string.printable.strip(), " ", *"éßЖ漢ñ٣€£¿"]
    pairs = [(key, "") for key in keys] + [("Unidentified", code) for code in _CODES.split()]
    code = """
      import { keyClassOf } from "./src/keys.ts";
      console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([key, code]) => keyClassOf(key, code))));
    """
    words = ["--input-type=module", "-e", code, json.dumps(pairs)]
    found = json.loads(sdks.run_node(words, sdks.BROWSER))
    wanted = [key_class_of({"key": key, "code": code} if code else {"key": key}) for key, code in pairs]
    assert dict(zip(pairs, found, strict=True)) == dict(zip(pairs, wanted, strict=True))
