"""How people type.

Intervals are log-normal around what a pair of keys needs: one hand alternates faster with the other than with itself,
and one finger is slow to follow itself (Salthouse, 1986; Dhakal et al., 2018, who give 238 ms as the mean interval and
4 to 7 % corrections). Speed drifts, words begin with a pause, and quick typists press a key before they let go of the
last.
"""

from dataclasses import dataclass, field

import numpy as np

from services.scorer.lab.simulate.motion import Rng, log_normal
from services.scorer.lab.simulate.stage import Key, Stage
from services.scorer.lab.simulate.text import Stroke, draw_text, finger

_REPEAT_AFTER_MS = 500.0
_REPEAT_EVERY_MS = 33.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingers:
    """One person's way of typing.

    Parameters
    ----------
    interval_ms, spread
        Median time from press to press, and the spread of its logarithm beside what the keys explain.
    dwell_ms, dwell_spread
        The same of how long a key is held.
    hold
        How much of a longer interval goes into holding the key.
    habit
        Spread of this person's offsets by key pair (logarithms).
    errors
        Share of keys that are wrong and noticed.
    word_pause
        How likely a pause before a word is.
    habits
        The offsets themselves, and those of how long each key is held, drawn when first used.
    """

    interval_ms: float
    spread: float
    dwell_ms: float
    dwell_spread: float
    hold: float
    habit: float
    errors: float
    word_pause: float
    habits: dict[tuple[str, ...], float] = field(default_factory=dict)


def draw_fingers(rng: Rng, *, fast: bool = False, slow: bool = False) -> Fingers:
    """Draw a typist; fast ones write 80 to 140 words a minute."""
    interval_ms = float(rng.uniform(80, 135)) if fast else log_normal(rng, 420 if slow else 175, 0.33)
    return Fingers(
        interval_ms=interval_ms,
        spread=float(rng.uniform(0.16, 0.32)),
        dwell_ms=log_normal(rng, 102 if not slow else 130, 0.22),
        dwell_spread=float(rng.uniform(0.16, 0.32)),
        hold=float(rng.uniform(-0.25, 0.4)),
        habit=float(rng.uniform(0.12, 0.26)),
        errors=float(rng.beta(1.6, 30)),
        word_pause=float(rng.beta(1.5, 10)),
    )


def type_text(stage: Stage, fingers: Fingers, length: int, target: str | None) -> None:
    """Type some text into the focused field, with slips and corrections."""
    rng, drift, slack, before = stage.rng, 0.0, 0.0, Stroke("other")
    text = draw_text(rng, length)
    row = 0
    while row < len(text):
        key = text[row]
        drift = 0.85 * drift + 0.12 * rng.standard_normal()
        offset = drift + fingers.spread * rng.standard_normal()
        interval_ms = fingers.interval_ms * float(np.exp(offset + _pair(rng, fingers, before, key)))
        if before.key_class == "space" and rng.random() < fingers.word_pause:
            interval_ms += log_normal(rng, 350, 0.7)
        stage.wait(interval_ms if row else 0.0)
        slack = 0.9 * slack + 0.06 * rng.standard_normal()
        _press(stage, fingers, key, offset, target, slack)
        row += 1
        before = key
        if rng.random() < fingers.errors and key.key_class == "letter":
            back = _correct(stage, fingers, target)
            row = max(0, row - back)
            before = Stroke("backspace")


def _press(stage: Stage, fingers: Fingers, key: Stroke, offset: float, target: str | None, slack: float = 0.0) -> None:
    rng = stage.rng
    habit = _habit(rng, fingers, (key.key_class, key.letter), 0.1)
    noise = fingers.hold * offset + habit + 0.8 * slack + fingers.dwell_spread * rng.standard_normal()
    dwell_ms = fingers.dwell_ms * float(np.exp(noise))
    if key.key_class == "modifier":  # held until the next key is down
        dwell_ms += fingers.interval_ms
    stage.keys.append(Key(stage.now_ms, max(12.0, dwell_ms), key.key_class, target))


def _correct(stage: Stage, fingers: Fingers, target: str | None) -> int:
    """Notice a slip, take back one to three keys; tell how many must be typed again."""
    rng = stage.rng
    back = int(rng.integers(1, 4))
    stage.wait(log_normal(rng, 1.6 * fingers.interval_ms + 120, 0.35))
    if back == 3 and rng.random() < 0.3:  # holds the key down until it repeats
        stage.keys.append(Key(stage.now_ms, _REPEAT_AFTER_MS + 2 * _REPEAT_EVERY_MS, "backspace", target))
        for number in range(2):
            at_ms = stage.now_ms + _REPEAT_AFTER_MS + number * _REPEAT_EVERY_MS
            stage.keys.append(Key(at_ms, _REPEAT_EVERY_MS, "backspace", target, repeat=True))
        stage.wait(_REPEAT_AFTER_MS + 2 * _REPEAT_EVERY_MS)
        return back
    for number in range(back):
        stage.wait(log_normal(rng, 0.75 * fingers.interval_ms + 20, 0.2) if number else 0.0)
        _press(stage, fingers, Stroke("backspace"), 0.0, target)
    return back


def _pair(rng: Rng, fingers: Fingers, before: Stroke, key: Stroke) -> float:
    """Give how much longer or shorter than usual one key follows another."""
    one, two = finger(before.letter), finger(key.letter)
    if before.letter and before.letter == key.letter:
        base = -0.12
    elif -1 in (one, two):
        base = 0.0
    elif one == two:
        base = 0.3
    else:
        base = 0.08 if (one < 4) == (two < 4) else -0.12
    return base + _habit(rng, fingers, (before.letter or before.key_class, key.letter or key.key_class), fingers.habit)


def _habit(rng: Rng, fingers: Fingers, of: tuple[str, ...], spread: float) -> float:
    if of not in fingers.habits:
        fingers.habits[of] = float(spread * rng.standard_normal())
    return fingers.habits[of]
