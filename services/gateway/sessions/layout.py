"""Where in a posted document things stand: sections, wrappers, times, nested facts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.gateway.sessions.spelling import camel, plain

_SCALARS: Final = frozenset({int, float, str})  # what JSON gives; bool is a type of its own
_MAX_DEPTH: Final = 3
_MAX_NAME: Final = 64
_SCREENS: Final = frozenset({"screenresolution", "screensize", "screen", "resolution"})
_RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "screen": {"width": "screen_width", "height": "screen_height"},
    "window": {"width": "window_width", "height": "window_height"},
    "viewport": {"width": "window_width", "height": "window_height"},
    "useragentdata": {"brands": "hint_brands", "platform": "hint_platform"},
    "clienthints": {"brands": "hint_brands", "platform": "hint_platform"},
} | {name: {} for name in ("navigator", "components", "device", "browser", "fingerprint")}


def _names(names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variant for name in names.split() for variant in (name, camel(name))))


def _plain(names: str) -> frozenset[str]:
    return frozenset(map(plain, names.split()))


TIMES: Final = _names("timestamp time t ts occurred_at time_stamp at event_time created_at")
PRESSED_AT: Final = _names(
    "pressed_at down_at down_time key_down_time keydown_time press_time down keydown start_time start"
)
PRESS_TIMES: Final = PRESSED_AT + TIMES
RELEASED_AT: Final = _names("released_at up_at up_time key_up_time keyup_time release_time up keyup end_time end")
DWELLS: Final = _names("dwell_ms duration_ms duration dwell dwell_time hold_time hold_duration press_duration")
ORIGINS: Final = _plain("time_origin origin page_started_at page_start start_time started_at")
SENT: Final = _plain("sent_at client_time client_timestamp")
METRICS: Final = "sessionmetrics"
_WRAPS: Final = ("data", "payload", "detail", "position", "coordinates", "changedTouches", "touches")
_WRAPPERS: Final = _plain("data batch payload behavior_data behaviour_data tracking_data")


def sections(document: Mapping[str, Any], pointer: str = "", depth: int = _MAX_DEPTH) -> Iterator[tuple[str, str, Any]]:
    """Give the members of a document as (pointer, plain name, value), those of wrappers in their place."""
    for name, value in document.items():
        if len(name) > _MAX_NAME:
            yield "", "", value
            continue
        word, place = plain(name), f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if word not in _WRAPPERS:
            yield place, word, value
            if word == METRICS and isinstance(value, dict):
                yield from (one for one in sections(value, place, 0) if one[1] in ORIGINS)
        elif isinstance(value, dict) and depth > 0:
            yield from sections(value, place, depth - 1)
        else:
            yield place, "events", value


def first(item: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str | None, Any]:
    """Give the first of the names that has a number or a text, and that."""
    for name in names:
        said = item.get(name)
        if type(said) in _SCALARS:
            return name, said
    return None, None


def unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """Lift what an event nests under one name; its own fields win."""
    for name in _WRAPS:
        nested = item.get(name)
        if type(nested) is list and nested:
            nested = nested[0]  # of several fingers the first
        if type(nested) is dict:
            return nested | {own: said for own, said in item.items() if own != name}
    return item


def flattened(item: Mapping[str, Any]) -> dict[str, Any]:
    """Lift what browsers nest, screen and client hints among it; and a screen told as WIDTHxHEIGHT."""
    flat: dict[str, Any] = {}
    for name, said in item.items():
        word = plain(name)
        if isinstance(said, dict):
            renamed = _RENAMED.get(word)
            if renamed is not None:
                flat |= {renamed.get(inner, inner): value for inner, value in said.items()}
        elif isinstance(said, str) and word in _SCREENS:
            width, _, height = said.lower().partition("x")
            if width.isdecimal() and height.isdecimal() and said.isascii() and len(said) <= 13:
                flat |= {"screen_width": int(width), "screen_height": int(height)}
        else:
            flat[name] = said
    return flat


def place_of_field(document: Any, place: str, spelled: Mapping[str, Any], field: str) -> str:
    """Point to a contract's field of an event as the client spelled it; to the event when it did not."""
    item = document
    for step in place.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        item = item[int(name)] if isinstance(item, list) else item[name]
    names = [name for name in item if (found := spelled.get(name)) is not None and found.name == field]
    return f"{place}/{names[0]}" if names else place
