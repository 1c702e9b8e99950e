"""People who type fast, or use the page by other means than a mouse, are let pass and trusted."""

import math
import random
from collections.abc import Callable, Sequence

import pytest

from shared.contracts.behavior import (
    AnyBehaviorEvent,
    ClipboardUsed,
    DeviceFingerprint,
    FocusGained,
    FormChanged,
    FormSubmitted,
    KeyClass,
    KeyPress,
    NetworkFacts,
    PointerDown,
    TouchEnd,
    TouchStart,
    VisibilityChanged,
)
from shared.contracts.verdict import Verdict
from tests.unit.scorer.inputs import at, fold_all, rules_alone, scored

RULESET = rules_alone()


def verdict_on(events: Sequence[AnyBehaviorEvent]) -> Verdict:
    batches = [scored(f"batch-{start}", events[start : start + 50]) for start in range(0, len(events), 50)]
    return fold_all(batches, RULESET)[1]


def typing(
    rhythm: random.Random, count: int, pace_ms: float, start_ms: float = 0.0, target: str | None = None
) -> list[AnyBehaviorEvent]:
    """Type words: slower where they begin, keys overlapping, a correction now and then."""
    t, events = start_ms, []
    for index in range(count):
        begins_word = index % 6 == 0
        t += rhythm.lognormvariate(math.log(pace_ms * (1.9 if begins_word else 1)), 0.35)
        key_class: KeyClass = "space" if index % 6 == 5 else "backspace" if rhythm.random() < 0.04 else "letter"
        dwell_ms = max(25.0, rhythm.gauss(95 if key_class == "letter" else 80, 20))
        events.append(KeyPress(occurred_at=at(t), key_class=key_class, dwell_ms=dwell_ms, target=target))
    return list(events)


def fast_typist(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    return typing(rhythm, 400, pace_ms=62)


def slow_typist(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    return typing(rhythm, 150, pace_ms=800)


def keyboard_only(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """Tab from field to field, type a little, hold an arrow key down whose repeats the client does not mark."""
    events: list[AnyBehaviorEvent] = []
    t = 0.0
    for field in range(12):
        for _ in range(4):
            t += rhythm.lognormvariate(5.6, 0.25)
            events.append(KeyPress(occurred_at=at(t), key_class="tab", dwell_ms=rhythm.gauss(80, 15)))
        events.append(FocusGained(occurred_at=at(t + 1), target=f"field-{field}"))
        typed = typing(rhythm, 15, 140, t + 400, target=f"field-{field}")
        t = 400 + (typed[-1].occurred_at - at(0)).total_seconds() * 1_000
        events += [*typed, *(KeyPress(occurred_at=at(t + 33 * turn), key_class="arrow") for turn in range(20))]
        t += 1_500
    return events


def screen_reader(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """Moves by keys; the reader itself clicks, without a pointer's path and with events a script made."""
    events: list[AnyBehaviorEvent] = []
    for step in range(60):
        t = 1_400.0 * step + rhythm.uniform(0, 600)
        events.append(KeyPress(occurred_at=at(t), key_class="arrow", dwell_ms=rhythm.gauss(85, 15), trusted=True))
        if step % 8 == 7:
            events.append(PointerDown(occurred_at=at(t + 300), x=200, y=40.0 * step, trusted=False))
    return events


def password_manager(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """Fills everything in at once, in part by events of its own."""
    fields = ("email", "password", "name", "street", "city", "zip")
    filled = [FormChanged(occurred_at=at(5_000 + i), field=name, method="autofilled") for i, name in enumerate(fields)]
    own = [KeyPress(occurred_at=at(5_000 + i), key_class="other", dwell_ms=0, trusted=False) for i in range(12)]
    paste = ClipboardUsed(occurred_at=at(9_000), action="paste", length=20)
    return [*filled, *own, paste, FormSubmitted(occurred_at=at(12_000)), *typing(rhythm, 40, 150, 20_000)]


def privacy_browser(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """Tells little, rounds times to 100 ms, comes by a private network out of a datacentre."""
    facts = DeviceFingerprint(occurred_at=at(0), user_agent="Mozilla/5.0 (Windows NT 10.0; rv:128.0) Firefox/128.0")
    network = NetworkFacts(occurred_at=at(0), network_type="datacenter")
    clamped = [
        KeyPress(
            occurred_at=at(100 * round((press.occurred_at - at(0)).total_seconds() * 10)),
            key_class=press.key_class,
            dwell_ms=100.0 * round((press.dwell_ms or 0) / 100),
        )
        for press in typing(rhythm, 300, 80)
        if isinstance(press, KeyPress)
    ]
    return [facts, network, *clamped]


def phone(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """Keys on the screen are pressed and released at once, and are all of one class to the page."""
    events: list[AnyBehaviorEvent] = [DeviceFingerprint(occurred_at=at(0), touch_points=5, primary_pointer="coarse")]
    t = 0.0
    for _ in range(120):
        t += rhythm.lognormvariate(5.3, 0.4)
        events.append(KeyPress(occurred_at=at(t), key_class="other", dwell_ms=rhythm.choice((0.0, 1.0, 2.0))))
        if rhythm.random() < 0.1:
            x, y = rhythm.uniform(0, 400), rhythm.uniform(0, 800)
            events += [TouchStart(occurred_at=at(t + 20), x=x, y=y), TouchEnd(occurred_at=at(t + 90), x=x, y=y)]
    return events


def two_windows(rhythm: random.Random) -> list[AnyBehaviorEvent]:
    """One page is hidden, and the other, which was always shown, says nothing of it."""
    hidden = VisibilityChanged(occurred_at=at(1_000), state="hidden")
    return [hidden, *typing(rhythm, 200, 130, 3_000)]


PEOPLE: Sequence[Callable[[random.Random], list[AnyBehaviorEvent]]] = (
    fast_typist, slow_typist, keyboard_only, screen_reader, password_manager, privacy_browser, phone, two_windows,
)  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_they_are_let_pass_and_trusted(person: Callable[[random.Random], list[AnyBehaviorEvent]], seed: int) -> None:
    verdict = verdict_on(person(random.Random(seed)))

    assert verdict.action == "ALLOW"
    assert verdict.trust_score >= 65, [reason.code for reason in verdict.reasons]
