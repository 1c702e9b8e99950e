"""JSON pointers (RFC 6901) out of msgspec's error paths."""

import re
from typing import Final

_PATH: Final = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_VALUE: Final = re.compile(r" '.*'", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>[^\]]*)\]")


def pointer_of(message: str) -> tuple[str, str]:
    """Split msgspec's message into its sentence, without the offending value it may quote, and a JSON pointer.

    >>> pointer_of("Expected `str`, got `int` - at `$.events[0].key_class`")
    ('Expected `str`, got `int`', '/events/0/key_class')
    >>> pointer_of("Object missing required field `subject`")
    ('Object missing required field `subject`', '')
    >>> pointer_of("Invalid enum value 'hunter2' - at `$.events[0].key_class`")
    ('Invalid enum value', '/events/0/key_class')
    """
    found = _PATH.search(message)
    if found is None:
        return _VALUE.sub("", message), ""
    steps = (match["name"] or match["index"] for match in _STEP.finditer(found["path"]))
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return _VALUE.sub("", message[: found.start()]), pointer
