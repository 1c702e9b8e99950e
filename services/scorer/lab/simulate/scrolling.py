"""How people and scripts scroll: notches of a wheel, flicks that run out, jumps."""

from typing import Final

import numpy as np

from services.scorer.lab.simulate.motion import Array, log_normal
from services.scorer.lab.simulate.stage import Stage

_NOTCHES_PX: Final = (100, 120, 53, 57, 114, 150)
_INERTIA_MS: Final = 325.0  # time constant with which kinetic scrolling runs out, as on current phones


def turn_wheel(stage: Stage, amount_px: int) -> None:
    """Turn a wheel: notches in quick runs, with pauses in which the finger goes back."""
    rng = stage.rng
    notch = float(_NOTCHES_PX[int(rng.integers(len(_NOTCHES_PX)))])
    count = max(1, round(abs(amount_px) / notch))
    gaps, run = [], int(rng.integers(3, 8))
    for number in range(count):
        last_of_run = number % run == run - 1
        gaps.append(log_normal(rng, 240, 0.4) if last_of_run else log_normal(rng, 55, 0.5))
    stage.scroll(np.cumsum(gaps), np.full(count, notch * np.sign(amount_px)), "wheel")


def flick(stage: Stage, amount_px: int, source: str = "wheel") -> None:
    """Push with fingers on a trackpad or a screen; what was pushed goes on by itself and runs out."""
    rng, left = stage.rng, float(abs(amount_px))
    while left > 20:
        push = min(left, log_normal(rng, 450, 0.5))
        t = np.arange(0, 1_600, 8.0) + rng.uniform(0, 8)
        drag_ms = log_normal(rng, 110, 0.3)
        done = np.where(t < drag_ms, 0.35 * (t / drag_ms) ** 2, 1 - 0.65 * np.exp(-(t - drag_ms) / _INERTIA_MS))
        until = int(rng.integers(60, len(t))) if left > push else len(t)  # the next flick stops this one
        steps = np.diff(push * done, prepend=0.0)[:until]
        stage.scroll(t[:until], steps * np.sign(amount_px), source)
        stage.wait(log_normal(rng, 180, 0.5))
        left -= push


def scroll_as_script(stage: Stage, amount_px: int, way: str) -> None:
    """Scroll by program: one jump, even steps, or far beyond the page."""
    rng = stage.rng
    match way:
        case "jump":
            stage.scroll(np.array([1.0]), np.array([float(amount_px)]), "script")
        case "far":
            stage.scroll(np.array([1.0]), np.array([float(np.sign(amount_px) * rng.uniform(6_000, 40_000))]), "script")
        case _:
            step, every = float(rng.choice([50, 100, 120, 200, 300])), float(rng.choice([16, 50, 100, 200]))
            count = max(1, round(abs(amount_px) / step))
            stage.scroll(np.arange(1, count + 1) * every, np.full(count, step * np.sign(amount_px)), "script")


def run_out(stage: Stage, t: Array, steps: Array, speed_px_ms: float, source: str) -> float:
    """Follow a finger, then run on with its speed; give how far the page went."""
    after = np.arange(8.0, 1_600, 8.0)
    more = np.diff(speed_px_ms * _INERTIA_MS * (1 - np.exp(-after / _INERTIA_MS)), prepend=0.0)
    more = more[np.abs(more) > 0.05]
    stage.scroll(np.append(t, t[-1] + after[: len(more)]), np.append(steps, more), source)
    return float(abs(steps.sum()) + abs(more.sum()))
