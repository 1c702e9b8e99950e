"""Pointer paths as programs make them up: from one place to another, within a given time.

Each is a known recipe of automation scripts, written anew. They know nothing of the recorder.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.scorer.lab.simulate.motion import Array, Path, Rng, clock, log_normal, smooth_noise

Place = tuple[float, float]
Easing = Callable[[Array], Array]

EASINGS: Final[dict[str, Easing]] = {
    "linear": lambda u: u,
    "out_quad": lambda u: u * (2 - u),
    "in_out_quad": lambda u: np.where(u < 0.5, 2 * u * u, 1 - 2 * (1 - u) ** 2),
    "in_out_cubic": lambda u: np.where(u < 0.5, 4 * u**3, 1 - 4 * (1 - u) ** 3),
    "out_expo": lambda u: (1 - 2 ** (-10 * u)) / (1 - 2**-10),
    "in_out_sine": lambda u: (1 - np.cos(np.pi * u)) / 2,
    "minimum_jerk": lambda u: u**3 * (10 - 15 * u + 6 * u * u),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What a script's author chose once for all its moves.

    Parameters
    ----------
    easing
        Progress over time, from 0 to 1.
    noise_px
        Independent noise of each sample.
    bow
        How far paths leave the straight line, as a share of its length.
    knots
        Points in between.
    """

    easing: Easing
    noise_px: float
    bow: float
    knots: int


Mover = Callable[[Rng, Manner, Place, Place, float], Path]


def draw_manner(rng: Rng) -> Manner:
    """Draw one script."""
    return Manner(
        easing=EASINGS[str(rng.choice(sorted(EASINGS)))],
        noise_px=float(rng.choice([0.0, rng.uniform(0.2, 2.5)], p=[0.6, 0.4])),
        bow=float(rng.uniform(0.05, 0.4)),
        knots=int(rng.integers(2, 7)),
    )


def teleport(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Be there at once."""
    return Path(np.array([0.0, 0.01]), np.array([start[0], end[0]]), np.array([start[1], end[1]]))


def straight(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Go straight, eased."""
    u = _share(duration_ms)
    return _on_line(rng, manner, start, end, u, manner.easing(u), 0 * u)


def constant_speed(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Go at one speed along a slight, even arc."""
    u = _share(duration_ms)
    angle = rng.normal(0, manner.bow) * (u - 0.5) * 2
    x, y = np.cumsum(np.cos(angle)), np.cumsum(np.sin(angle))
    along, across = (x - x[0]) / (x[-1] - x[0]), (y - y[0]) / (x[-1] - x[0])
    return _on_line(rng, manner, start, end, u, along, across - along * across[-1])


def bezier(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Follow a cubic Bezier curve with two random control points."""
    u = _share(duration_ms)
    s = manner.easing(u)
    (a1, a2), (b1, b2) = np.sort(rng.uniform(0, 1, 2)), rng.uniform(-2, 2, 2) * manner.bow
    if rng.random() < 0.5:
        b1, b2 = abs(b1), abs(b2)
    along = 3 * (1 - s) ** 2 * s * a1 + 3 * (1 - s) * s**2 * a2 + s**3
    return _on_line(rng, manner, start, end, u, along, 3 * (1 - s) ** 2 * s * b1 + 3 * (1 - s) * s**2 * b2)


def minimum_jerk(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Follow the smoothest profile, with Gaussian noise on top."""
    u = _share(duration_ms)
    noisy = Manner(easing=manner.easing, noise_px=rng.uniform(0.3, 3), bow=manner.bow, knots=manner.knots)
    return _on_line(rng, noisy, start, end, u, EASINGS["minimum_jerk"](u), 0.3 * manner.bow * np.sin(np.pi * u))


def spline_human_timing(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Go through random points, with the time between them drawn as people's times are spread."""
    count = manner.knots + 2
    gaps = np.exp(0.5 * rng.standard_normal(count - 1))
    at = np.append(0, np.cumsum(gaps)) / gaps.sum()
    along = np.append(0, np.cumsum(rng.uniform(0.4, 1.6, count - 1)))
    across = np.append(np.append(0, rng.normal(0, manner.bow / 2, count - 2)), 0)
    u = _share(duration_ms)
    return _on_line(rng, manner, start, end, u, _spline(u, at, along / along[-1]), _spline(u, at, across))


def perlin(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Add octaves of smooth noise to a straight line, fading out at both ends."""
    u = _share(duration_ms)
    octaves = [smooth_noise(rng, len(u), duration_ms / 2 ** (octave + 2)) / 2**octave for octave in range(4)]
    fade = np.sin(np.pi * u)
    return _on_line(rng, manner, start, end, u, manner.easing(u), 0.4 * manner.bow * fade * sum(octaves))


def wind(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Let gravity pull the pointer while wind blows it about (after the idea of WindMouse)."""
    place, speed, blow = np.array(start, dtype=float), np.zeros(2), np.zeros(2)
    gravity, gust, fastest, near = rng.uniform(5, 12), rng.uniform(2, 6), rng.uniform(10, 30), rng.uniform(8, 20)
    nodes = [place.copy()]
    for _ in range(2_000):
        way = np.array(end) - place
        left = float(np.hypot(*way))
        if left < 2:
            break
        if left >= near:
            blow = blow / 3**0.5 + rng.uniform(-1, 1, 2) * min(gust, left) / 5**0.5
        else:
            blow, fastest = blow / 3**0.5, max(3.0, fastest / 5**0.5)
        speed = speed + blow + gravity * way / left
        pace = float(np.hypot(*speed))
        if pace > fastest:
            speed = speed / pace * fastest * rng.uniform(0.5, 1)
        place = place + speed
        nodes.append(place.copy())
    nodes.append(np.array(end, dtype=float))
    x, y = np.array(nodes).T
    step_ms = min(16.0, max(2.0, duration_ms / len(nodes)))
    return Path(np.cumsum(rng.uniform(0.9, 1.1, len(x))) * step_ms - 0.0, x, y)


def lognormal_sum(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Add up two to four log-normal strokes that reach the end exactly, without noise."""
    u = _share(duration_ms)
    count = int(rng.integers(2, 5))
    begins, share = np.sort(rng.uniform(0, 0.5, count)), rng.dirichlet(np.full(count, 1.5))
    across, along = rng.normal(0, manner.bow, count), np.zeros((2, len(u)))
    across -= across.mean()
    for begin, part, sideways in zip(begins, share, across, strict=True):
        skew = rng.uniform(0.2, 0.5)
        time = np.log(np.maximum(1e-6, (u - begin) / rng.uniform(0.15, 0.25)))
        done = 1 / (1 + np.exp(-1.702 * time / skew))
        along += np.outer((part, sideways), (done - done[0]) / (done[-1] - done[0]))
    return _on_line(rng, manner, start, end, u, along[0], along[1])


def sine(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Swing about a straight line."""
    u = _share(duration_ms)
    swing = 0.15 * manner.bow * np.sin(2 * np.pi * rng.integers(1, 6) * u)
    return _on_line(rng, manner, start, end, u, manner.easing(u), swing)


def bridge(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Walk at random, tied to both ends."""
    steps = max(6, int(duration_ms / rng.uniform(8, 25)))
    walk = np.cumsum(rng.standard_normal((2, steps)), axis=1) / steps**0.5
    u = np.linspace(0, 1, steps)
    along, across = manner.bow * (walk - np.outer(walk[:, 0], 1 - u) - np.outer(walk[:, -1], u))
    path = _on_line(rng, manner, start, end, u, manner.easing(u) + 0.3 * along, across)
    return Path(u * duration_ms, path.x, path.y)


def overshoot(rng: Rng, manner: Manner, start: Place, end: Place, duration_ms: float) -> Path:
    """Miss on purpose, then correct: each leg a flow of speeds from a fixed template, with a smooth detour."""
    legs, here = [], start
    misses = int(rng.integers(0, 4))
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    at_ms = 0.0
    for leg in range(misses + 1):
        spread = 0.0 if leg == misses else 0.12 * length / 2**leg
        there = (end[0] + rng.normal(0, 1) * spread, end[1] + rng.normal(0, 1) * spread)
        u = _share(duration_ms / (1 if leg == 0 else rng.uniform(2, 4)))
        flow = np.interp(u, np.linspace(0, 1, 8), np.abs(_TEMPLATES[int(rng.integers(len(_TEMPLATES)))]))
        s = np.append(0, np.cumsum(flow)[:-1]) / np.cumsum(flow)[-2]
        path = _on_line(rng, manner, here, there, u, s, manner.bow * rng.normal(0, 0.4) * np.sin(np.pi * s))
        legs.append(Path(path.t + at_ms, path.x, path.y))
        here, at_ms = there, at_ms + float(path.t[-1]) + rng.uniform(2, 90)
    return Path(*(np.concatenate(column) for column in zip(*legs, strict=True)))


_TEMPLATES: Final = (
    np.array([1, 3, 6, 8, 8, 6, 3, 1.0]), np.array([2, 7, 9, 6, 4, 3, 2, 1.0]), np.array([1, 2, 3, 4, 6, 9, 7, 2.0]),
    np.array([3, 5, 3, 6, 4, 6, 3, 2.0]), np.array([4, 4, 4, 4, 4, 4, 4, 4.0]),
)  # fmt: skip


def _share(duration_ms: float) -> Array:
    return np.linspace(0, 1, len(clock(max(8.0, duration_ms))))


def _on_line(rng: Rng, manner: Manner, start: Place, end: Place, u: Array, along: Array, across: Array) -> Path:
    """Lay shares of the way, along it and across it, between two places."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = start[0] + dx * along - dy * across, start[1] + dy * along + dx * across
    if manner.noise_px:
        every = max(1, int(8 * rng.uniform(0.5, 2)))  # scripts shake each of their steps, which are not ours
        rows = np.arange(0, len(u), every)
        x = x + np.interp(np.arange(len(u)), rows, rng.normal(0, manner.noise_px, len(rows)))
        y = y + np.interp(np.arange(len(u)), rows, rng.normal(0, manner.noise_px, len(rows)))
        x[0], y[0], x[-1], y[-1] = start[0], start[1], end[0], end[1]
    return Path(np.arange(len(u)) * 1.0, x, y)


def _spline(u: Array, at: Array, value: Array) -> Array:
    """Go smoothly through values: cubic pieces with the slopes of a Catmull-Rom spline."""
    slope = np.gradient(value, at)
    piece = np.clip(np.searchsorted(at, u, side="right") - 1, 0, len(at) - 2)
    width = at[piece + 1] - at[piece]
    s = (u - at[piece]) / width
    return (
        value[piece] * (1 + 2 * s) * (1 - s) ** 2
        + slope[piece] * width * s * (1 - s) ** 2
        + value[piece + 1] * s**2 * (3 - 2 * s)
        + slope[piece + 1] * width * s**2 * (s - 1)
    )


def draw_duration_ms(rng: Rng, law: str, base_ms: float, length_px: float, width_px: float) -> float:
    """Draw how long a script takes for a way: fixed, by length, or by Fitts' law."""
    match law:
        case "fixed":
            return base_ms
        case "spread":
            return base_ms * rng.uniform(0.6, 1.6)
        case "speed":
            return max(30.0, base_ms * length_px / 500)
        case _:
            return log_normal(rng, base_ms * (0.3 + 0.25 * np.log2(length_px / max(4.0, width_px) + 1)), 0.15)
