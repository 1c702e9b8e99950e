"""Draw whole sessions, each from its own seed, so that any of them can be made again alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from zlib import crc32

import numpy as np

from services.scorer.lab.simulate.actors import play
from services.scorer.lab.simulate.capture import capture
from services.scorer.lab.simulate.device_facts import device_event, draw_place, network_event
from services.scorer.lab.simulate.families import FAMILIES, PEOPLE, Family
from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.page import draw_page
from services.scorer.lab.simulate.recorder import Condition, Recorder, draw_recorder
from services.scorer.lab.simulate.stage import Stage

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
    recorder, phone = draw_recorder(rng, family.condition or _condition(rng)), family.device == "touch"
    if family.device == "keys" and recorder.scope in {"moves", "clicks"}:
        recorder = replace(recorder, scope="keys")
    if family.forms:
        recorder = replace(recorder, scope="all" if rng.random() < 0.7 else "inputs")
    short = not family.forms and (recorder.scope in {"moves", "clicks"} or rng.random() < _POINTER_ONLY)
    page = draw_page(rng, phone, family.device != "keys" and short, family.device == "keys")
    stage = Stage(rng=rng, page=page, x=float(rng.uniform(0, page.width)), y=float(rng.uniform(0, page.height)))
    _arrive(stage, recorder, family)
    actor = family.draw(rng)
    play(stage, actor)
    return capture(stage, recorder, trusted=actor.trusted)


def _arrive(stage: Stage, recorder: Recorder, family: Family) -> None:
    """Let the page load and the client tell what it knows at once."""
    rng, phone, place = stage.rng, family.device == "touch", draw_place(stage.rng)
    if recorder.tells_device:
        facts = device_event(rng, stage.page, phone, recorder.epoch_s, family.honesty, place)
        stage.note(facts.pop("type"), **facts)
    if recorder.tells_network:
        facts = network_event(rng, phone, place)
        stage.note(facts.pop("type"), **facts)
    if rng.random() < 0.6:
        stage.note("visibility.changed", state="visible")
        stage.note("focus.gained")
    stage.wait(rng.uniform(50, 1_500))


def _condition(rng: Rng) -> Condition:
    """Draw as the cohorts of people with pointers are mixed."""
    conditions = [family.condition for family in PEOPLE.values() if family.device == "pointer" and family.condition]
    return conditions[int(rng.integers(len(conditions)))]
