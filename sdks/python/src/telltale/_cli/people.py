"""Simple sessions to try a system with: people and two kinds of bots. The seed decides.

People are a few sessions of the project's simulator, kept in ``people.jsonl.gz`` and laid a little elsewhere on the
page each time. One bot moves straight at constant speed and types at one interval; the other fills the form from a
script inside the page.
"""

import functools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

from telltale._cli.recorded import Fields, RecordedSession, read

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)  # whoever sends it moves it to now
_FIELDS: Final = (("email", 412.0, 214.0), ("name", 430.0, 296.0), ("card", 418.0, 371.0), ("pay", 655.0, 508.0))
_TYPED: Final = 20
_INTERVAL_MS: Final = 50.0
_STEP_MS: Final = 10.0
_ELSEWHERE_PX: Final = 20


def sessions_of(count: int, seed: int) -> Iterator[RecordedSession]:
    """Give sessions, the three kinds in turn."""
    for number in range(count):
        name, make = list(_KINDS.items())[number % len(_KINDS)]
        made = make(random.Random(f"{name}/{seed}/{number}"))
        yield replace(made, session_id=f"{name}-{seed}-{number}", group=name)


def _person(rng: random.Random) -> RecordedSession:
    one = rng.choice(_people())
    by = {name: float(rng.randint(-_ELSEWHERE_PX, _ELSEWHERE_PX)) for name in ("x", "y")}
    return replace(one, items=[_laid_elsewhere(item, by) for item in one.items])


@functools.cache
def _people() -> tuple[RecordedSession, ...]:
    with (files("telltale._cli") / "people.jsonl.gz").open("rb") as file:
        return tuple(found for _, found in read(file) if isinstance(found, RecordedSession))


def _laid_elsewhere(item: Fields, by: dict[str, float]) -> Fields:
    if item["type"] == "scroll":  # offsets of the page, not places on it
        return item
    places = {name: item[name] for name in by if name in item}
    return {
        **item,
        **{
            name: [one + by[name] for one in place] if isinstance(place, list) else place + by[name]
            for name, place in places.items()
        },
    }


class _Stage:
    """What a bot did so far."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.x, self.y = 96.0, 640.0
        self.items: list[Fields] = []

    def note(self, kind: str, **fields: Any) -> None:
        """Note an event."""
        self.items.append({"type": kind, "occurred_at": self._now(), **fields})

    def move(self, x: float, y: float, steps: int) -> None:
        """Note a straight path at constant speed, and go to its end."""
        shares = [step / steps for step in range(steps + 1)]
        columns = {
            "t": [_STEP_MS * step for step in range(steps + 1)],
            "x": [self.x + (x - self.x) * share for share in shares],
            "y": [self.y + (y - self.y) * share for share in shares],
        }
        self.items.append({"type": "pointer.move", "started_at": self._now(), "trusted": True, **columns})
        self.now_ms, self.x, self.y = self.now_ms + _STEP_MS * steps, x, y

    def click(self, x: float, y: float, target: str, *, trusted: bool) -> None:
        """Note a click without length."""
        for kind in ("pointer.down", "pointer.up"):
            self.note(kind, x=x, y=y, target=target, trusted=trusted)

    def session(self) -> RecordedSession:
        """Give it as a session."""
        return RecordedSession("", "bot", "", self.items)

    def _now(self) -> str:
        return (_START + timedelta(milliseconds=self.now_ms)).isoformat()


def _straight_bot(rng: random.Random) -> RecordedSession:
    stage = _Stage()
    for field, x, y in _FIELDS:
        stage.now_ms += 200.0
        stage.move(x, y, steps=rng.randint(40, 60))
        stage.click(x, y, field, trusted=True)
        if field == "pay":
            continue
        stage.note("focus.gained", target=field)
        for _ in range(_TYPED):
            stage.now_ms += _INTERVAL_MS
            stage.note("key.press", key_class="letter", dwell_ms=0.0, target=field, trusted=True)
        stage.note("form.changed", field=field, method="typed", length=_TYPED, trusted=True)
    stage.note("form.submitted", field_count=len(_FIELDS) - 1)
    return stage.session()


def _script_bot(rng: random.Random) -> RecordedSession:
    stage = _Stage()
    stage.note("device.fingerprint", webdriver=True, plugin_count=0, window_width=800, window_height=600)
    for field, x, y in _FIELDS:
        stage.now_ms += rng.uniform(1, 4)
        if field == "pay":
            stage.click(x, y, field, trusted=False)
        else:
            stage.note("form.changed", field=field, method="script", length=_TYPED, trusted=False)
    stage.note("form.submitted", field_count=len(_FIELDS) - 1, trusted=False)
    return stage.session()


_KINDS: Final[dict[str, Callable[[random.Random], RecordedSession]]] = {
    "person": _person,
    "straight_bot": _straight_bot,
    "script_bot": _script_bot,
}
