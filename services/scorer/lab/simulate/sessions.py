"""Draw whole sessions, each from its own seed, so that any of them can be made again alone."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from zlib import crc32

import numpy as np

from services.scorer.lab.simulate.actors import play
from services.scorer.lab.simulate.capture import capture
from services.scorer.lab.simulate.families import FAMILIES, PEOPLE, Family
from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.page import draw_page
from services.scorer.lab.simulate.recorder import Condition, draw_recorder

Session = dict[str, Any]
_TRIES: Final = 50
_POINTER_ONLY: Final = 0.6


def simulate(name: str, seed: int, index: int) -> Session:
    """Give one session of a family: ``session_id``, ``label``, ``group`` and ``events``.

    Raises
    ------
    KeyError
        There is no such family.
    """
    family = FAMILIES[name]
    for attempt in range(_TRIES):
        rng = np.random.default_rng([seed, crc32(name.encode()), index, attempt])
        events = _events(rng, family)
        if events:
            return {"session_id": f"{name}-{seed}-{index}", "label": family.label, "group": name, "events": events}
    raise RuntimeError(f"{name} leaves nothing to record")


def simulate_all(names: Sequence[str], count: int, seed: int) -> Iterator[Session]:
    """Give ``count`` sessions in all, families in turn."""
    for number in range(count):
        yield simulate(names[number % len(names)], seed, number // len(names))


def event_count(session: Session) -> int:
    """Count the events of a session; each track sample is one."""
    return sum(len(event["t"]) if "t" in event else 1 for event in session["events"])


def _events(rng: Rng, family: Family) -> list[dict[str, Any]]:
    recorder = draw_recorder(rng, family.condition or _condition(rng))
    page = draw_page(
        rng, family.device == "touch", recorder.scope in {"moves", "clicks"} or rng.random() < _POINTER_ONLY
    )
    actor = family.draw(rng)
    stage = play(rng, actor, page)
    return capture(stage, recorder, trusted=actor.trusted)


def _condition(rng: Rng) -> Condition:
    """Draw as the cohorts of people with pointers are mixed."""
    conditions = [family.condition for family in PEOPLE.values() if family.device == "pointer" and family.condition]
    return conditions[int(rng.integers(len(conditions)))]
