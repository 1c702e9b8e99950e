"""Pointer paths that programs take from people: replayed, changed a little, or put together anew.

The people are simulated ones. Their paths went through a recorder first, as a thief's would have.
"""

from dataclasses import dataclass

import numpy as np

from services.scorer.lab.simulate.bot_paths import Manner, Place, _spline
from services.scorer.lab.simulate.hand import draw_hand, reach
from services.scorer.lab.simulate.motion import Path, Rng
from services.scorer.lab.simulate.recorder import draw_recorder, sample_path


@dataclass(frozen=True, slots=True)
class Loot:
    """Recorded movements of one person."""

    paths: tuple[Path, ...]

    def any(self, rng: Rng) -> Path:
        """Pick one."""
        return self.paths[int(rng.integers(len(self.paths)))]


def draw_loot(rng: Rng) -> Loot:
    """Record a few movements of one person."""
    hand, recorder = draw_hand(rng), draw_recorder(rng)
    paths: list[Path] = []
    wanted = int(rng.integers(1, 9))
    while len(paths) < wanted:
        start, end = rng.uniform(0, 1_000, 2), rng.uniform(0, 1_000, 2)
        true = reach(rng, hand, (start[0], start[1]), (end[0], end[1]), float(rng.uniform(15, 80)))
        seen = sample_path(recorder, rng, true, np.zeros(0))
        if len(seen.t) >= 8 and np.hypot(seen.x[-1] - seen.x[0], seen.y[-1] - seen.y[0]) > 60:
            paths.append(Path(seen.t - seen.t[0], seen.x, seen.y))
    return Loot(tuple(paths))


def jittered(rng: Rng, loot: Loot, manner: Manner, start: Place, page: tuple[float, float]) -> Path:
    """Replay a movement from where the pointer is, shaking places and pace; it ends where it ends."""
    t, x, y = loot.any(rng)
    x, y = x - x[0], y - y[0]
    if not 0 <= start[0] + x[-1] <= page[0]:
        x = -x
    if not 0 <= start[1] + y[-1] <= page[1]:
        y = -y
    noise_px = rng.uniform(0.2, 2)
    x, y = x + rng.normal(0, noise_px, len(x)), y + rng.normal(0, noise_px, len(y))
    t = t * rng.uniform(0.95, 1.05) + rng.uniform(0, 1, len(t)) * np.append(0, np.diff(t)) * 0.3
    return _from(Path(t, start[0] + x - x[0], start[1] + y - y[0]))


def rescaled(rng: Rng, loot: Loot, start: Place, end: Place, speed: float) -> Path:
    """Turn and stretch a movement so that it leads from here to there."""
    path = loot.any(rng)
    turn = _turn(path, start, end)
    return _laid(path, turn, start, end, speed)


def blended(rng: Rng, loot: Loot, start: Place, end: Place, speed: float) -> Path:
    """Average two movements, both turned and stretched."""
    one, two = loot.any(rng), loot.any(rng)
    share, u = rng.uniform(0.2, 0.8), np.linspace(0, 1, max(len(one.t), len(two.t)))
    laid = [_laid(path, _turn(path, start, end), start, end, speed) for path in (one, two)]
    columns = [[np.interp(u, path.t / path.t[-1], column) for column in path] for path in laid]
    t, x, y = (share * a + (1 - share) * b for a, b in zip(*columns, strict=True))
    return _from(Path(t, x, y))


def splined(rng: Rng, loot: Loot, start: Place, end: Place, speed: float) -> Path:
    """Go smoothly through a few points of a movement, at its times."""
    path = rescaled(rng, loot, start, end, speed)
    rows = np.unique(np.linspace(0, len(path.t) - 1, int(rng.integers(4, 9))).astype(int))
    at = path.t[rows] / path.t[-1]
    u = np.linspace(0, 1, max(8, int(path.t[-1] / 4)))
    return Path(u * path.t[-1], _spline(u, at, path.x[rows]), _spline(u, at, path.y[rows]))


def _turn(path: Path, start: Place, end: Place) -> complex:
    """Give the complex number that turns and stretches a movement's way into another."""
    return complex(end[0] - start[0], end[1] - start[1]) / complex(path.x[-1] - path.x[0], path.y[-1] - path.y[0])


def _laid(path: Path, turn: complex, start: Place, end: Place, speed: float) -> Path:
    place = complex(*start) + (path.x - path.x[0] + 1j * (path.y - path.y[0])) * turn
    return _from(Path(path.t / speed, place.real, place.imag))


def _from(path: Path) -> Path:
    """Make times advance: people's recorders round them."""
    t = np.maximum.accumulate(path.t - path.t[0])
    return Path(t + np.arange(len(t)) * 0.01, path.x, path.y)
