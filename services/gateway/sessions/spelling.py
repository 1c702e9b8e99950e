"""How clients spell the fields and values of events. Tables: what stands in none goes no further."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from shared.contracts.behavior import DeviceFingerprint, NetworkFacts


class WrongValue(ValueError):
    """A value cannot be read; the message says what is expected and never holds the value."""


NOTHING: Final = object()  # read, and left out: unknown to us, so no evidence
Read = Callable[[Any], Any]

_NUMBERS: Final = frozenset({int, float})  # what JSON gives; bool is a type of its own
_ELEMENT: Final = re.compile(r"[A-Za-z0-9_.:#-]{1,64}")
_NOT_TOKEN: Final = re.compile(r"[^A-Za-z0-9_./:+ ,;()=-]")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]")
_MAX_TOKEN: Final = 256


def plain(name: str) -> str:
    """Strip a name of case and separators.

    >>> plain("mouse_Move")
    'mousemove'
    """
    return _NOT_NAME.sub("", name.lower())


def _number(said: Any) -> Any:
    if type(said) not in _NUMBERS:
        raise WrongValue("expected a number")
    return said


def _whole(said: Any) -> Any:
    if isinstance(said, float) and said.is_integer():
        return int(said)
    if isinstance(said, bool) or not isinstance(said, int):
        raise WrongValue("expected a whole number")
    return said


def _flag(said: Any) -> Any:
    if not isinstance(said, bool):
        raise WrongValue("expected true or false")
    return said


def _element(said: Any) -> Any:
    """Give an element's id or name; what is no plain reference (a piece of HTML, a text) could hold content."""
    if isinstance(said, dict):
        said = next((said[name] for name in ("id", "name", "tagName", "tag") if said.get(name)), None)
    return said if isinstance(said, str) and _ELEMENT.fullmatch(said) else NOTHING


def _content(said: Any) -> Any:
    """Give the length of a content, of which nothing else is taken; a number could be one as well."""
    return len(said) if isinstance(said, str) else NOTHING


def _text(said: Any) -> Any:
    if not isinstance(said, str):
        raise WrongValue("expected text")
    return _NOT_TOKEN.sub("_", said)[:_MAX_TOKEN]


def _texts(said: Any) -> Any:
    if isinstance(said, str):
        said = said.split(",")
    if not isinstance(said, list):
        raise WrongValue("expected a list of texts")
    return [_text(one) for one in said]


def _brands(said: Any) -> Any:
    """Give brands as name/version; browsers tell them as objects."""
    if not isinstance(said, list):
        raise WrongValue("expected a list of brands")
    return [f"{one.get('brand')}/{one.get('version')}" if isinstance(one, dict) else one for one in said]


def _count(said: Any) -> Any:
    return len(said) if isinstance(said, list) else _whole(said)


def _touch_id(said: Any) -> Any:
    return abs(_whole(said)) % 2**31  # some browsers count fingers down from 0


def _one_of(**spellings: str) -> Read:
    """Read one of a closed list; spellings stand by value, separated by spaces."""
    by_spelling = {
        plain(spelling): value for value, listed in spellings.items() for spelling in [value, *listed.split()]
    }
    return lambda said: by_spelling.get(plain(said), NOTHING) if isinstance(said, str) else NOTHING


def _state(said: Any) -> Any:
    if isinstance(said, bool):  # document.hidden
        return "hidden" if said else "visible"
    return _STATES(said)


def _button(said: Any) -> Any:
    return {"left": 0, "middle": 1, "right": 2}.get(said.lower(), NOTHING) if isinstance(said, str) else _whole(said)


def _cancelled(said: Any) -> Any:
    return "cancel" in plain(said) if isinstance(said, str) else _flag(said)


def _asn(said: Any) -> Any:
    if isinstance(said, str):
        digits = said.upper().removeprefix("AS")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else NOTHING
    return _whole(said)


def _country(said: Any) -> Any:
    return said.upper() if isinstance(said, str) and re.fullmatch("[A-Za-z]{2}", said) else NOTHING


def _http_version(said: Any) -> Any:
    version = str(said).upper().removeprefix("HTTP/").removeprefix("H").removesuffix(".0") if said else ""
    return {"1": "1.0", "1.1": "1.1", "2": "2", "3": "3"}.get(version, NOTHING)


_STATES: Final = _one_of(visible="shown pagevisible tabvisible", hidden="hide prerender pagehidden tabhidden")
_POINTERS: Final = _one_of(mouse="trackpad touchpad", pen="stylus", touch="finger")
_SOURCES: Final = _one_of(wheel="mouse trackpad", touch="swipe", keyboard="key", scrollbar="bar", script="programmatic")
_METHODS: Final = _one_of(
    typed="typing keyboard keystroke insertText deleteContentBackward insertCompositionText",
    pasted="paste insertFromPaste clipboard",
    autofilled="autofill autocomplete insertReplacementText",
    script="programmatic scripted",
)
_ACTIONS: Final = _one_of(
    copy="copied clipboardcopy formcopy", cut="clipboardcut", paste="pasted clipboardpaste formpaste"
)
_NETWORKS: Final = _one_of(
    residential="home isp", mobile="cellular", business="corporate", datacenter="hosting datacentre cloud", vpn="",
    proxy="", tor="",
)  # fmt: skip


class Field(NamedTuple):
    """Where a client's field goes; of two spellings of one field the lower rank counts."""

    name: str
    rank: int
    read: Read


Spellings = Mapping[str, Field]


def camel(name: str) -> str:
    """Spell a name as JavaScript does.

    >>> camel("screen_width")
    'screenWidth'
    """
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _spelled(**fields: tuple[Read, str]) -> Spellings:
    """Make a table from fields: how to read it, and the names clients give it, best first."""
    table: dict[str, Field] = {}
    if "length" in fields:
        table |= {name: Field("length", 99, _content) for name in ("value", "text", "content", "data")}
    for name, (read, names) in fields.items():
        for rank, spelling in enumerate(names.split()):
            for variant in (spelling, camel(spelling)):
                table.setdefault(variant, Field(name, rank, read))
    return MappingProxyType(table)


_X: Final = (_number, "x client_x page_x screen_x offset_x left")
_Y: Final = (_number, "y client_y page_y screen_y offset_y top")
_TARGET: Final = (_element, "target element element_id target_id field_name field name id selector")
_TRUSTED: Final = (_flag, "trusted is_trusted")
_LENGTH: Final = (_whole, "length value_length text_length content_length characters")
_BUTTON: Final = (_button, "button")
_POINTER: Final = (_POINTERS, "pointer pointer_type device")
_PLACE: Final = {"x": _X, "y": _Y, "trusted": _TRUSTED}
_TOUCH: Final = _PLACE | {"touch_id": (_touch_id, "touch_id identifier pointer_id finger id")}
_PRESSED: Final = _TOUCH | {"pressure": (_number, "pressure force"), "radius": (_number, "radius radius_x")}
_PUSHED: Final = _PLACE | {"button": _BUTTON, "pointer": _POINTER, "target": _TARGET}

FIELDS: Final[Mapping[str, Spellings]] = {
    "pointer.move": _spelled(**_PLACE, pointer=_POINTER),
    "pointer.down": _spelled(**_PUSHED),
    "pointer.up": _spelled(**_PUSHED),
    "touch.start": _spelled(**_PRESSED),
    "touch.move": _spelled(**_PRESSED),
    "touch.end": _spelled(**_TOUCH, cancelled=(_cancelled, "cancelled type event_type event")),
    "scroll": _spelled(
        y=(_number, "y scroll_y scroll_top page_y_offset scroll_position position offset"),
        x=(_number, "x scroll_x scroll_left page_x_offset"),
        source=(_SOURCES, "source input device"),
        trusted=_TRUSTED,
    ),
    "key.press": _spelled(target=_TARGET, trusted=_TRUSTED, repeat=(_flag, "repeat is_repeat")),
    "focus.gained": _spelled(target=_TARGET, trusted=_TRUSTED),
    "focus.lost": _spelled(target=_TARGET, trusted=_TRUSTED),
    "visibility.changed": _spelled(state=(_state, "state visibility_state visibility hidden type"), trusted=_TRUSTED),
    "clipboard.used": _spelled(
        action=(_ACTIONS, "action operation type event_type event kind"),
        length=_LENGTH,
        target=_TARGET,
        trusted=_TRUSTED,
    ),
    "form.changed": _spelled(
        field=(_element, "field field_name field_id name element element_id target target_id id selector"),
        method=(_METHODS, "method input_method input_type type event_type source"),
        length=_LENGTH,
        trusted=_TRUSTED,
    ),
    "form.submitted": _spelled(
        form=(_element, "form form_id form_name name element target id"),
        field_count=(_count, "field_count fields"),
        trusted=_TRUSTED,
    ),
}  # fmt: skip

_FACT_SPELLINGS: Final[Mapping[str, str]] = {
    "user_agent": "user_agent ua", "languages": "languages language lang locale",
    "timezone": "timezone time_zone tz", "timezone_offset_min": "timezone_offset_min timezone_offset",
    "screen_width": "screen_width", "screen_height": "screen_height",
    "window_width": "window_width viewport_width inner_width",
    "window_height": "window_height viewport_height inner_height",
    "pixel_ratio": "pixel_ratio device_pixel_ratio", "color_depth": "color_depth colour_depth",
    "cpu_count": "cpu_count hardware_concurrency cores cpu_cores", "memory_gb": "memory_gb device_memory memory",
    "touch_points": "touch_points max_touch_points", "plugin_count": "plugin_count plugins",
    "automation_flags": "automation_flags automation", "hint_brands": "hint_brands brands",
    "hint_platform": "hint_platform ua_platform", "network_type": "network_type type connection_type",
    "rtt_ms": "rtt_ms rtt", "http_version": "http_version protocol http", "country": "country country_code",
}  # fmt: skip
_FACT_READS: Final[Mapping[str, Read]] = {
    "languages": _texts, "hint_brands": _brands, "automation_flags": _texts, "plugin_count": _count, "asn": _asn,
    "country": _country,
    "network_type": _NETWORKS, "http_version": _http_version, "webdriver": _flag,
}  # fmt: skip


def _as_said(said: Any) -> Any:
    return _text(said) if isinstance(said, str) else said  # the contract's check follows


def _fact(read: Read, contract_type: Any) -> Read:
    """Read a fact; browsers tell them in odd ways, and one that is not of the contract is unknown."""

    def checked(said: Any) -> Any:
        try:
            return msgspec.convert(read(said), contract_type)
        except (WrongValue, msgspec.ValidationError):
            return NOTHING

    return checked


def _facts(kind: type[msgspec.Struct]) -> Spellings:
    return _spelled(
        **{
            field.name: (
                _fact(_FACT_READS.get(field.name, _as_said), field.type), _FACT_SPELLINGS.get(field.name, field.name)
            )
            for field in msgspec.structs.fields(kind)
            if field.name not in {"occurred_at", "event_id"}
        }
    )  # fmt: skip


FACTS: Final[Mapping[str, Spellings]] = {
    "device.fingerprint": _facts(DeviceFingerprint),
    "network.facts": _facts(NetworkFacts),
}
