"""How a person's hand moves a pointer.

An aimed movement is a first, fast stroke that falls a little short or long, and corrections that begin before it has
ended (Meyer et al., 1988). Its duration follows Fitts (1954) in the form of MacKenzie (1992). A stroke's speed is
log-normal (Plamondon, 1995), of minimum jerk (Flash and Hogan, 1985) or in between, by person. Noise grows with speed
(Harris and Wolpert, 1998), and slow movements come in pulses, 8 to 10 a second (Vallbo and Wessberg, 1993). Free curves
slow down where they bend, by the power of a third (Lacquaniti et al., 1983).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.scorer.lab.simulate.motion import (
    GRID_MS,
    Array,
    Path,
    Rng,
    clock,
    joined,
    log_normal,
    shifted,
    smooth_noise,
    tremor,
)

_CORRECTIONS: Final = 6
_FIRST_SHARE: Final = 0.7  # of the movement time, which the first stroke takes
_DETOUR_FROM_PX: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One person's way of moving.

    Parameters
    ----------
    fitts_a_ms, fitts_b_ms
        Movement time: a constant, and what each bit of difficulty adds.
    skew
        Shape of a stroke's speed: 0 is symmetric minimum jerk, larger is an earlier, log-normal peak.
    gain, gain_spread, aim_spread
        How far the first stroke reaches of the way, its spread, and its spread across, as shares of the way.
    bend, bend_spread
        By how many radians a stroke turns on its way: this person's habit, and its spread.
    wobble, wobble_ms
        Noise as a share of speed and in radians of heading, and how quickly it changes.
    pulse, pulse_hertz
        Share of speed that comes in pulses, and their rate.
    detours
        How often a way leads around.
    tremor_hertz, tremor_px
        Trembling.
    sensor
        Error of the device, as a share of what moves within a millisecond; it averages out over longer times.
    clutch_px
        Longest way before the mouse or finger must be lifted and put back.
    overlap
        When a correction begins, as a share of the stroke it corrects.
    care
        Part of the target within which a person is content.
    """

    fitts_a_ms: float
    fitts_b_ms: float
    skew: float
    gain: float
    gain_spread: float
    aim_spread: float
    bend: float
    bend_spread: float
    wobble: float
    wobble_ms: float
    pulse: float
    pulse_hertz: float
    detours: float
    tremor_hertz: float
    tremor_px: float
    sensor: float
    clutch_px: float
    overlap: float
    care: float


def draw_hand(rng: Rng, *, trackpad: bool = False, speed: float = 1.0) -> Hand:
    """Draw a person with a mouse or trackpad; ``speed`` 1 is usual, less is slower."""
    slow = (1.35 if trackpad else 1.0) / speed
    return Hand(
        fitts_a_ms=log_normal(rng, 180, 0.4) * slow,
        fitts_b_ms=log_normal(rng, 180, 0.3) * slow,
        skew=float(rng.choice([0.0, rng.uniform(0.15, 0.45)], p=[0.3, 0.7])),
        gain=float(rng.normal(0.94, 0.03)),
        gain_spread=log_normal(rng, 0.055, 0.3),
        aim_spread=log_normal(rng, 0.03, 0.3),
        bend=float(rng.normal(0, 0.2)),
        bend_spread=log_normal(rng, 0.36, 0.3),
        wobble=min(0.2, log_normal(rng, 0.13, 0.3)),
        wobble_ms=log_normal(rng, 24, 0.3),
        pulse=float(rng.uniform(0.1, 0.4)),
        pulse_hertz=float(rng.uniform(7.5, 10.5)),
        detours=float(rng.beta(2, 2.5)),
        tremor_hertz=float(rng.uniform(8, 12)),
        tremor_px=log_normal(rng, 0.15, 0.6),
        # One in five devices smooths its reports: no absence of noise may tell a bot.
        sensor=0.02 if rng.random() < 0.2 else min(0.6, log_normal(rng, 0.4, 0.4)),
        clutch_px=log_normal(rng, 480, 0.3) if trackpad else log_normal(rng, 1500, 0.4),
        overlap=float(rng.uniform(0.65, 1.0)),
        care=float(rng.uniform(0.6, 0.95)),
    )


def reach(rng: Rng, hand: Hand, start: tuple[float, float], aim: tuple[float, float], width_px: float) -> Path:
    """Move from one place to another that is ``width_px`` wide, lifting the device where the way is long."""
    legs, here = [], np.array(start)
    while True:
        way = np.array(aim) - here
        length = float(np.hypot(*way))
        if length <= hand.clutch_px * 1.15:
            legs.append(_aimed(rng, hand, here, np.array(aim), width_px))
            return _one_after_another(rng, legs)
        part = way / length * hand.clutch_px * rng.uniform(0.8, 1.1)
        legs.append(_aimed(rng, hand, here, here + part, 0.35 * hand.clutch_px))
        here = np.array([legs[-1].x[-1], legs[-1].y[-1]])


def drift(rng: Rng, hand: Hand, start: tuple[float, float], duration_ms: float) -> Path:
    """Rest with a hand on the device: a few small, slow displacements at most."""
    paths, here, at_ms = [Path(np.zeros(1), np.array(start[:1]), np.array(start[1:]))], np.array(start), 0.0
    while True:
        at_ms += rng.exponential(1_500)
        step = rng.normal(0, 2.5, 2)
        t = clock(rng.uniform(60, 350))
        if at_ms + t[-1] >= duration_ms:
            return joined(paths)
        share = _profile(t / t[-1], hand.skew)
        move = _trembling(rng, hand, Path(t, here[0] + step[0] * share, here[1] + step[1] * share))
        paths.append(shifted(move, at_ms))
        here, at_ms = here + step, at_ms + t[-1]


def trace(rng: Rng, hand: Hand, start: tuple[float, float], size_px: float, *, closed: bool = False) -> Path:
    """Draw a free curve: a loop, an arc or a wave, as people do while they read, wait or point things out."""
    turns, size = 1.0 if closed else rng.choice([0.4, 0.8, 1.0, 2.0]), 1_200
    angle = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * np.linspace(0, 2 * np.pi * turns, size)
    squash, tilt = min(1.5, log_normal(rng, 0.8, 0.3)), rng.uniform(0, np.pi)
    radius = size_px / 2 * (1 + 0.06 * smooth_noise(rng, size, 120))
    u, v = radius * np.cos(angle), squash * radius * np.sin(angle)
    u = u + (0.0 if closed else rng.normal(0, 0.4)) * size_px * np.linspace(0, 1, size)
    u, v = u - (u[-1] - u[0]) * np.linspace(0, closed, size), v - (v[-1] - v[0]) * np.linspace(0, closed, size)
    x, y = u * np.cos(tilt) - v * np.sin(tilt), u * np.sin(tilt) + v * np.cos(tilt)
    dx, dy = np.gradient(x), np.gradient(y)
    length = np.hypot(dx, dy) + 1e-9
    curvature = np.abs(dx * np.gradient(dy) - dy * np.gradient(dx)) / length**3
    speed = np.clip((curvature * size_px + 0.3) ** (-1 / 3), 0.2, 1.5) * np.exp(0.12 * smooth_noise(rng, size, 60))
    way = np.cumsum(length) / length.sum()
    ramp = np.clip(np.minimum(way, 1 - way) / 0.06, 0.1, 1) ** 0.5
    took = np.cumsum(length / (speed * ramp))
    duration_ms = log_normal(rng, 550, 0.35) * (1 + abs(turns)) * (size_px / 250) ** 0.3 * hand.fitts_b_ms / 150
    t = clock(duration_ms)
    x, y = np.interp(t / t[-1] * took[-1], took, x - x[0]), np.interp(t / t[-1] * took[-1], took, y - y[0])
    return _noisy(rng, hand, Path(t, start[0] + x, start[1] + y))


def _aimed(rng: Rng, hand: Hand, start: Array, aim: Array, width_px: float) -> Path:
    """Make the first stroke, perhaps one that leads around, and the corrections that follow."""
    length = float(np.hypot(*(aim - start)))
    if length < 0.5:
        return Path(np.zeros(1), start[:1], start[1:])
    aims = [aim]
    if length > _DETOUR_FROM_PX and rng.random() < hand.detours:
        along, across = rng.uniform(0.25, 0.75), rng.normal(0, 0.3)
        aims.insert(0, start + along * (aim - start) + across * np.array([start[1] - aim[1], aim[0] - start[0]]))
    at_ms, here, steps = 0.0, start.copy(), []
    for number in range(len(aims) + _CORRECTIONS):
        way = aims[min(number, len(aims) - 1)] - here
        left = float(np.hypot(*way))
        if number < len(aims):
            difficulty = np.log2(left / (width_px if number == len(aims) - 1 else 0.4 * left) + 1)
            time_ms = (hand.fitts_a_ms + hand.fitts_b_ms * difficulty) * log_normal(rng, 1.0, 0.28)
            duration_ms = max(90.0, _FIRST_SHARE * time_ms)
        elif left <= hand.care * max(width_px, 3) / 2:
            break
        else:
            duration_ms = log_normal(rng, 150, 0.3) * hand.fitts_b_ms / 150 + 12 * np.log2(1 + left / 20)
        dx, dy = _stroke(rng, hand, way, duration_ms)
        steps.append((at_ms, dx, dy))
        here = here + np.array([dx.sum(), dy.sum()])
        at_ms += duration_ms * hand.overlap * rng.uniform(0.85, 1.15) + max(0.0, rng.normal(25, 40))
    return _trembling(rng, hand, _added(start, steps))


def _added(start: Array, steps: list[tuple[float, Array, Array]]) -> Path:
    """Add strokes up, each from its own time on."""
    size = max(round(begin / GRID_MS) + len(dx) for begin, dx, _ in steps) + 1
    vx, vy = np.zeros(size), np.zeros(size)
    for begin, dx, dy in steps:
        row = round(begin / GRID_MS) + 1
        vx[row : row + len(dx)] += dx
        vy[row : row + len(dy)] += dy
    return Path(np.arange(size) * GRID_MS, start[0] + np.cumsum(vx), start[1] + np.cumsum(vy))


def _stroke(rng: Rng, hand: Hand, way: Array, duration_ms: float) -> tuple[Array, Array]:
    """Give the steps of one stroke: planned with a bend, executed with noise that grows with speed."""
    t = clock(duration_ms)
    share = _profile(t / t[-1], hand.skew)
    bend = hand.bend + hand.bend_spread * rng.standard_normal()
    length = float(np.hypot(*way)) * (hand.gain + hand.gain_spread * rng.standard_normal()) / np.sinc(bend / 2 / np.pi)
    heading = np.arctan2(way[1], way[0]) + hand.aim_spread * rng.standard_normal()
    grow, turn = _noise(rng, hand, len(t) - 1)
    heading, step = heading + bend * (0.5 - share[1:]) + turn, np.diff(share) * length * grow
    return step * np.cos(heading), step * np.sin(heading)


def _noise(rng: Rng, hand: Hand, size: int) -> tuple[Array, Array]:
    """Give what noise makes of a speed (a factor) and of a heading (radians): some smooth, some in pulses."""
    phase = 2 * np.pi * np.cumsum(hand.pulse_hertz * (1 + 0.15 * smooth_noise(rng, size, 150))) * GRID_MS / 1_000
    pulse = hand.pulse * np.sin(phase + rng.uniform(0, 2 * np.pi))
    sway = 0.3 * hand.pulse * np.sin(phase + rng.uniform(0, 2 * np.pi))
    grow = np.maximum(0.05, 1 + hand.wobble * smooth_noise(rng, size, hand.wobble_ms) + pulse)
    return grow, 1.4 * hand.wobble * smooth_noise(rng, size, hand.wobble_ms) + sway


def _profile(share: Array, skew: float) -> Array:
    """Give how far a stroke has come at these shares of its time."""
    if skew < 0.1:
        return share**3 * (10 - 15 * share + 6 * share**2)
    # The log-normal of Plamondon's model, over its middle 99.7 %: its logarithm is normal with spread `skew`.
    low, high = np.exp(-3 * skew), np.exp(3 * skew)
    z = np.log(low + share * (high - low)) / skew
    done = _normal_cdf(z)
    share = (done - done[0]) / (done[-1] - done[0])
    return share


def _normal_cdf(z: Array) -> Array:
    """Give the normal distribution's integral; the error function of Abramowitz and Stegun, 7.1.26."""
    u = 1 / (1 + 0.3275911 * np.abs(z) / np.sqrt(2))
    tail = u * (0.254829592 + u * (-0.284496736 + u * (1.421413741 + u * (-1.453152027 + u * 1.061405429))))
    half = 0.5 * tail * np.exp(-(z**2) / 2)
    whole: Array = np.where(z < 0, half, 1 - half)
    return whole


def _noisy(rng: Rng, hand: Hand, path: Path) -> Path:
    """Add noise that grows with speed to a free curve."""
    dx, dy = np.diff(path.x), np.diff(path.y)
    grow, turn = _noise(rng, hand, len(dx))
    x = path.x[0] + np.append(0, np.cumsum(grow * (dx * np.cos(turn) - dy * np.sin(turn))))
    y = path.y[0] + np.append(0, np.cumsum(grow * (dx * np.sin(turn) + dy * np.cos(turn))))
    return _trembling(rng, hand, Path(path.t, x, y))


def _trembling(rng: Rng, hand: Hand, path: Path) -> Path:
    """Add trembling and the noise of the device's sensor; at the ends, where it lies still, there is none."""
    size = len(path.t)
    if size < 20:
        return path
    x, y = tremor(rng, size, hand.tremor_hertz, hand.tremor_px)
    # A large tremor takes longer to set in: the hand has mass.
    fade = np.clip(np.minimum(np.arange(size), np.arange(size)[::-1]) / (40 + 30 * hand.tremor_px), 0, 1)
    step = np.diff(path.x) + 1j * np.diff(path.y)
    along, across = np.clip(hand.sensor * rng.standard_normal((2, size - 1)), -0.9, 0.9)  # never backwards
    error = np.append(0, np.cumsum(step * (along + 0.4j * across)))
    error = error - error[-1] * np.linspace(0, 1, size)
    return Path(path.t, path.x + x * fade + error.real, path.y + y * fade + error.imag)


def _one_after_another(rng: Rng, legs: list[Path]) -> Path:
    """Put legs together with the time it takes to lift the device and put it back."""
    paths, at_ms = [], 0.0
    for leg in legs:
        paths.append(shifted(leg, at_ms))
        at_ms += float(leg.t[-1]) + log_normal(rng, 110, 0.3)
    return joined(paths)
