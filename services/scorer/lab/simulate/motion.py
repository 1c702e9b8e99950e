"""Paths of a pointer through time, and the smooth noise of hands. Times in ms, places in CSS pixels."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Rng = np.random.Generator
GRID_MS: Final = 1.0  # finer than any recorder samples, so that the grid of the simulation is not seen


class Path(NamedTuple):
    """Nodes of a path; between them the pointer goes straight, after the last it rests."""

    t: Array
    x: Array
    y: Array


def clock(duration_ms: float) -> Array:
    """Give the times of a path of this duration, on the grid, both ends included."""
    return np.arange(max(2, round(duration_ms / GRID_MS) + 1)) * GRID_MS


def shifted(path: Path, by_ms: float) -> Path:
    """Start a path later."""
    return Path(path.t + by_ms, path.x, path.y)


def joined(paths: list[Path]) -> Path:
    """Put paths one after another; their times must not go back."""
    return Path(*(np.concatenate(column) for column in zip(*paths, strict=True)))


def position(path: Path, t: Array) -> tuple[Array, Array]:
    """Give where the pointer is at these times."""
    return np.interp(t, path.t, path.x), np.interp(t, path.t, path.y)


def smooth_noise(rng: Rng, size: int, time_ms: float) -> Array:
    """Give noise of unit spread whose correlation fades over about ``time_ms``."""
    every = max(1, int(time_ms / GRID_MS / 10))  # slow noise is made on a coarser grid, which saves time
    if every > 1:
        coarse = smooth_noise(rng, size // every + 2, time_ms / every)
        return np.interp(np.arange(size) / every, np.arange(len(coarse)), coarse)
    width = max(1.0, time_ms / GRID_MS)
    kernel = np.exp(-0.5 * (np.arange(-int(2.5 * width), int(2.5 * width) + 1) / width) ** 2)
    white = rng.standard_normal(size + len(kernel) - 1)
    noise: Array = np.convolve(white, kernel / np.sqrt((kernel**2).sum()), mode="valid")
    return noise


def tremor(rng: Rng, size: int, hertz: float, amplitude_px: float) -> tuple[Array, Array]:
    """Give the trembling of a hand: a narrow band of frequencies, mostly along one line."""
    phase = np.cumsum(2 * np.pi * hertz * (1 + 0.1 * smooth_noise(rng, size, 300)) * GRID_MS / 1_000)
    swing = amplitude_px * (1 + 0.4 * smooth_noise(rng, size, 400)) * np.sin(phase + rng.uniform(0, 2 * np.pi))
    across = 0.3 * amplitude_px * np.sin(phase + rng.uniform(0, 2 * np.pi))
    angle = rng.uniform(0, np.pi)
    return swing * np.cos(angle) - across * np.sin(angle), swing * np.sin(angle) + across * np.cos(angle)


def log_normal(rng: Rng, median: float, spread: float) -> float:
    """Draw a positive number around a median; ``spread`` is the standard deviation of its logarithm."""
    return float(median * np.exp(spread * rng.standard_normal()))
