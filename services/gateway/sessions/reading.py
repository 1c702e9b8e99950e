"""From a posted document, in any spelling we know, to one behaviour batch. Pure: a document and times in, bytes out.

Of what is not known nothing goes on. Which key was pressed is known only while the halves of a press are paired.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from services.gateway.sessions.behaviour import Behaviour, Refusal
from services.gateway.sessions.key_presses import KeyPresses
from services.gateway.sessions.kinds import (
    CLICK,
    GROUPS,
    IGNORED,
    KEY_DOWN,
    KEY_TYPED,
    KEY_UP,
    kind_alone,
    kind_in_group,
    type_name_of,
)
from services.gateway.sessions.layout import (
    METRICS,
    ORIGINS,
    PRESS_TIMES,
    SENT,
    TIMES,
    first,
    flattened,
    sections,
    unwrapped,
)
from services.gateway.sessions.spelling import FACTS, FIELDS, NOTHING, Spellings, WrongValue
from services.gateway.sessions.times import WrongTime, read_time
from shared.contracts.base import MAX_EVENTS_PER_BATCH
from shared.contracts.behavior import AnyBehaviorTrack

_MAX_ERRORS: Final = 20
_MAX_TRACKS: Final = 1_000
_MILLISECOND: Final = timedelta(milliseconds=1)
_WHOLE_PRESSES: Final = frozenset({KEY_DOWN, KEY_TYPED, "key.press"})
_POINTER_ENDS: Final = frozenset({"pointer.down", "pointer.up"})
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {"form.changed": {"field": "unnamed"}}
_COLUMNS_BY_TRACK: Final = {
    track.__struct_config__.tag: frozenset(track.__struct_fields__) - {"started_at"}
    for track in AnyBehaviorTrack.__args__
}


def read_behaviour(
    document: Any, received_at: datetime, origin: datetime | None = None, started_at: datetime | None = None
) -> Behaviour:
    """Read a posted document.

    Parameters
    ----------
    document
        Decoded JSON: an object with ``events``, ``tracks`` and groups such as ``mouse``, or an array of events.
    received_at
        Our time, for facts that need none of their own.
    origin
        From where relative times count when the document states no origin. When that is not known either, they count
        from ``started_at``, or from earlier when the latest would be in the future.
    started_at
        When the session began; without one the latest relative time is now.
    """
    reader = _Reader(received_at, origin, started_at)
    reader.read(document)
    return reader.finish()


class _Reader:
    """Collects events and errors of one document."""

    def __init__(self, received_at: datetime, origin: datetime | None, started_at: datetime | None) -> None:
        self._received_at = received_at
        self._origin = origin
        self._started_at = started_at
        self._events: list[dict[str, Any]] = []
        self._places: list[str] = []
        self._tracks: list[dict[str, Any]] = []
        self._track_places: list[str] = []
        self._floating: list[tuple[dict[str, Any], str, float]] = []  # their times count from an origin yet unknown
        self._clicks: list[int] = []
        self._keys = KeyPresses()
        self._seen_pointer_ends = False
        self._lists = 0
        self._sent_at: datetime | None = None
        self._ignored = 0
        self._errors: list[Refusal] = []

    def read(self, document: Any) -> None:
        """Read the whole document."""
        if isinstance(document, list):
            self._read_items("", document, None)
        elif isinstance(document, dict):
            found = list(sections(document))
            for pointer, name, value in found:
                self._read_clock(pointer, name, value)
            for pointer, name, value in found:
                self._read_section(pointer, name, value)
        else:
            self._refuse("", "invalid_value", "expected an object or an array of events")

    def finish(self) -> Behaviour:
        """Give what was read: loose ends tied, in order of time when it came in several lists."""
        self._drop({*self._keys.finish(), *(self._clicks if self._seen_pointer_ends else ())})
        origin = self._settle_floating()
        if self._lists > 1 and not self._errors:
            order = sorted(range(len(self._events)), key=lambda index: self._events[index]["occurred_at"])
            self._events = [self._events[index] for index in order]
            self._places = [self._places[index] for index in order]
        return Behaviour(
            self._events,
            self._tracks,
            self._sent_at,
            self._places,
            self._track_places,
            self._ignored,
            origin,
            self._errors,
        )

    def _read_clock(self, pointer: str, name: str, value: Any) -> None:
        if name not in ORIGINS and name not in SENT:
            return
        try:
            found = read_time(value, None)
        except WrongTime as error:
            self._refuse(pointer, "invalid_time", str(error))
            return
        if found is not None and name in SENT:
            self._sent_at = found
        elif found is not None:
            self._origin = found

    def _read_section(self, pointer: str, name: str, value: Any) -> None:
        if name == "events":
            self._read_list(pointer, value, None)
        elif name == "tracks":
            self._read_tracks(pointer, value)
        elif name == METRICS:
            self._read_metrics(pointer, value)
        elif (group := GROUPS.get(name)) is not None:
            one = isinstance(value, dict)
            self._read_list(pointer, [value] if one else value, group, single=one)
        elif isinstance(value, list):
            self._ignored += len(value)

    def _read_list(self, pointer: str, value: Any, group: str | None, *, single: bool = False) -> None:
        if isinstance(value, list):
            self._read_items(pointer, value, group, single=single)
        elif value is not None and group != "device":  # a fingerprint may be a mere hash, which tells nothing
            self._refuse(pointer, "invalid_value", "expected an array")

    def _read_items(self, pointer: str, items: list[Any], group: str | None, *, single: bool = False) -> None:
        if len(self._events) + len(items) > MAX_EVENTS_PER_BATCH:
            self._refuse(
                pointer, "too_many_events", f"a post carries at most {MAX_EVENTS_PER_BATCH} events and samples"
            )
            return
        self._lists += bool(items)
        for index, item in enumerate(items):
            place = pointer if single else f"{pointer}/{index}"
            if not isinstance(item, dict):
                self._refuse(place, "invalid_value", "expected an object")
            else:
                kind = kind_alone(item) if group is None else kind_in_group(group, item)
                self._read_item(place, item, kind)
            if len(self._errors) >= _MAX_ERRORS:
                return

    def _read_item(self, place: str, item: dict[str, Any], kind: str | None) -> None:
        if kind is None:
            name = type_name_of(item)
            self._refuse(
                f"{place}/{name}" if name else place, "unknown_type", "expected a type of event that is documented"
            )
        elif kind == IGNORED or (kind == "scroll" and _is_delta(item)):
            self._ignored += 1
        elif kind in FACTS:
            self._read_facts(place, item, kind)
        else:
            item = unwrapped(item)
            if kind == KEY_UP:
                self._ignored += not self._keys.release(item)
            elif kind in _WHOLE_PRESSES:
                self._read_press(place, item, kind)
            else:
                self._read_event(place, item, kind)

    def _read_event(self, place: str, item: dict[str, Any], kind: str) -> None:
        contract_type = "pointer.down" if kind == CLICK else kind
        event = self._fields(place, item, FIELDS[contract_type])
        if event is None or not self._set_time(place, item, event, TIMES):
            return
        if kind == CLICK:
            self._clicks.append(len(self._events))
        elif kind in _POINTER_ENDS:
            self._seen_pointer_ends = True
        self._add(place, contract_type, event)

    def _read_facts(self, place: str, item: dict[str, Any], kind: str) -> None:
        flat = flattened(item) if kind == "device.fingerprint" else item
        event = self._fields(place, flat, FACTS[kind])
        if event is None:
            return
        if not event:
            self._ignored += 1
            return
        if any(item.get(name) is not None for name in TIMES[:4]):
            if not self._set_time(place, item, event, TIMES[:4]):
                return
        else:
            event["occurred_at"] = self._received_at
        self._add(place, kind, event)

    def _read_press(self, place: str, item: dict[str, Any], kind: str) -> None:
        event = self._fields(place, item, FIELDS["key.press"])
        if event is not None and self._set_time(place, item, event, PRESS_TIMES):
            self._keys.press(item, kind, event, len(self._events))
            self._add(place, "key.press", event)

    def _read_tracks(self, pointer: str, value: Any) -> None:
        if not isinstance(value, list):
            self._refuse(pointer, "invalid_value", "expected an array")
            return
        for index, item in enumerate(value[: _MAX_TRACKS + 1]):
            place = f"{pointer}/{index}"
            if not isinstance(item, dict):
                self._refuse(place, "invalid_value", "expected an object")
                continue
            columns = _COLUMNS_BY_TRACK.get(str(item.get("type")))
            if columns is None:
                self._refuse(f"{place}/type", "unknown_type", "expected pointer.move, touch.move, scroll or key.press")
                continue
            track = {name: item[name] for name in ("type", *columns) if item.get(name) is not None}
            if self._take_time(f"{place}/started_at", item.get("started_at"), track, "started_at"):
                self._tracks.append(track)
                self._track_places.append(place)

    def _read_metrics(self, pointer: str, value: Any) -> None:
        if not isinstance(value, dict):
            self._refuse(pointer, "invalid_value", "expected an object")
            return
        event = self._fields(pointer, flattened(value), FACTS["device.fingerprint"])
        if event:
            event["occurred_at"] = self._received_at
            self._add(pointer, "device.fingerprint", event)

    def _fields(self, place: str, item: Mapping[str, Any], spellings: Spellings) -> dict[str, Any] | None:
        """Take the fields that are known; None when one cannot be read."""
        found: dict[str, Any] = {}
        ranks: dict[str, int] = {}
        for name, said in item.items():
            field = spellings.get(name)
            if field is None or said is None or ranks.get(field.name, field.rank) < field.rank:
                continue
            try:
                value = field.read(said)
            except WrongValue as error:
                self._refuse(f"{place}/{name}", "invalid_value", str(error))
                return None
            if value is not NOTHING:
                found[field.name] = value
                ranks[field.name] = field.rank
        return found

    def _set_time(self, place: str, item: Mapping[str, Any], event: dict[str, Any], names: tuple[str, ...]) -> bool:
        name, said = first(item, names)
        if name is None:
            self._refuse(
                place, "missing_time", "expected timestamp: epoch milliseconds, RFC 3339 text, or from time_origin"
            )
            return False
        return self._take_time(f"{place}/{name}", said, event, "occurred_at")

    def _take_time(self, pointer: str, said: Any, into: dict[str, Any], name: str) -> bool:
        try:
            found = read_time(said, self._origin)
        except WrongTime as error:
            self._refuse(pointer, "invalid_time", str(error))
            return False
        if found is None:
            self._floating.append((into, name, float(said)))
        else:
            into[name] = found
        return True

    def _settle_floating(self) -> datetime | None:
        """Find an origin for relative times: none of them may be in the future."""
        if not self._floating:
            return None
        latest = max(offset_ms for _, _, offset_ms in self._floating)
        origin = self._received_at - latest * _MILLISECOND
        if self._started_at is not None:
            origin = min(origin, self._started_at)
        for into, name, offset_ms in self._floating:
            into[name] = origin + offset_ms * _MILLISECOND
        return origin

    def _drop(self, dropped: set[int]) -> None:
        """Leave out events that repeat others: a click beside its two ends, a keypress beside its keydown."""
        if not dropped:
            return
        self._ignored += len(dropped)
        kept = [index for index in range(len(self._events)) if index not in dropped]
        self._events = [self._events[index] for index in kept]
        self._places = [self._places[index] for index in kept]

    def _add(self, place: str, kind: str, event: dict[str, Any]) -> None:
        """Take an event, itself: its release or its time may come yet."""
        event["type"] = kind
        for name, default in _DEFAULTS.get(kind, {}).items():
            event.setdefault(name, default)
        self._events.append(event)
        self._places.append(place)

    def _refuse(self, pointer: str, code: str, detail: str) -> None:
        self._errors.append(Refusal(pointer, code, detail))


def _is_delta(item: Mapping[str, Any]) -> bool:
    """Tell whether a scroll says how far only: offsets of different posts could not be compared."""
    spelled = FIELDS["scroll"]
    return ("deltaY" in item or "delta_y" in item) and not any(
        (field := spelled.get(name)) is not None and field.name == "y" for name in item
    )
