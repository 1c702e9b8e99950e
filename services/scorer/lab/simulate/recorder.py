"""What a device, a browser and a client library make of a session.

People and bots get their recorders from the same draw, so that sampling rate, rounding, clamped timers, screen and time
of day say nothing about who is there. A recorder samples the pointer as its device reports it, keeps the last report
of each frame as browsers do, stalls now and then, thins, rounds places and clamps times.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from services.scorer.lab.simulate.motion import Array, Path, Rng, log_normal, position

Scope = Literal["moves", "clicks", "keys", "inputs", "all"]
Condition = Literal["plain", "clamped", "remote"]

# Reports of mice (USB polling), pens and touchpads, ms.
_REPORT_MS: Final = ((8.0, 0.45), (1.0, 0.2), (2.0, 0.08), (4.0, 0.07), (7.3, 0.1), (11.1, 0.1))
# One animation frame at 60, 75, 120, 144 Hz; 0: every report is delivered on its own.
_FRAME_MS: Final = ((16.667, 0.55), (13.333, 0.05), (8.333, 0.1), (6.944, 0.1), (0.0, 0.2))
_THIN_MS: Final = ((0.0, 0.7), (10.0, 0.06), (20.0, 0.06), (33.0, 0.05), (50.0, 0.08), (100.0, 0.05))
# Timers: microseconds, 5 and 100 us (isolated or not), 1 ms.
_TIMER_MS: Final = ((0.001, 0.15), (0.005, 0.15), (0.1, 0.45), (1.0, 0.25))
_CLAMPED_MS: Final = ((1.0, 0.3), (16.667, 0.4), (100.0, 0.3))
# Whole pixels, shares of them on dense or zoomed screens, or floats.
_GRID_PX: Final = ((1.0, 0.6), (0.8, 0.06), (0.6667, 0.06), (0.5, 0.13), (0.0, 0.15))
_REMOTE_TICK_MS: Final = ((15.625, 0.5), (10.0, 0.2), (16.667, 0.15), (33.333, 0.15))
_SCOPES: Final[tuple[tuple[Scope, float], ...]] = (("moves", 0.3), ("clicks", 0.3), ("inputs", 0.2), ("all", 0.2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """How a session is seen.

    Parameters
    ----------
    scope
        What the client listens to.
    report_ms, frame_ms
        Time between reports of the device, and between frames; frame 0 delivers each report.
    hardware_stamps
        Whether an event carries the time of its report, or that of its delivery.
    stamp_jitter_ms
        How late a report gets its time.
    stall_rate_hz, stall_ms
        How often the page is busy, and for how long.
    thin_ms
        The client keeps no two moves closer than this.
    timer_ms, grid_px
        Times are multiples of one, places of the other (0: not rounded).
    as_tracks
        Moves go as tracks, not as objects.
    burst_ticks
        Frames of a remote desktop, in ticks of its timer; 0 for a local one.
    smooth_scroll
        The browser spreads a notch of the wheel over several frames.
    """

    scope: Scope
    report_ms: float
    frame_ms: float
    hardware_stamps: bool
    stamp_jitter_ms: float
    stall_rate_hz: float
    stall_ms: float
    thin_ms: float
    timer_ms: float
    grid_px: float
    as_tracks: bool
    burst_ticks: int
    smooth_scroll: bool
    tells_trusted: bool
    tells_pointer: bool
    tells_targets: bool
    tells_device: bool
    tells_network: bool
    numbers_events: bool
    epoch_s: float


def draw_recorder(rng: Rng, condition: Condition = "plain") -> Recorder:
    """Draw a recorder; ``condition`` asks for timers clamped by the browser, or for a remote desktop."""
    recorder = Recorder(
        scope=_SCOPES[int(rng.choice(4, p=[share for _, share in _SCOPES]))][0],
        report_ms=_one_of(rng, _REPORT_MS),
        frame_ms=_one_of(rng, _FRAME_MS),
        hardware_stamps=bool(rng.random() < 0.5),
        stamp_jitter_ms=float(rng.choice([0.1, 0.5, 1.5])),
        stall_rate_hz=float(rng.choice([0.0, 0.1, 0.5], p=[0.4, 0.4, 0.2])),
        stall_ms=log_normal(rng, 70, 0.5),
        thin_ms=_one_of(rng, _THIN_MS),
        timer_ms=_one_of(rng, _TIMER_MS),
        grid_px=_one_of(rng, _GRID_PX),
        as_tracks=bool(rng.random() < 0.5),
        burst_ticks=0,
        smooth_scroll=bool(rng.random() < 0.5),
        tells_trusted=bool(rng.random() < 0.4),
        tells_pointer=bool(rng.random() < 0.7),
        tells_targets=bool(rng.random() < 0.6),
        tells_device=bool(rng.random() < 0.4),
        tells_network=bool(rng.random() < 0.3),
        numbers_events=bool(rng.random() < 0.1),
        epoch_s=1.74e9 + float(rng.uniform(0, 4e7)),
    )
    if condition == "clamped":
        return replace(recorder, timer_ms=_one_of(rng, _CLAMPED_MS))
    if condition == "remote":
        return replace(
            recorder,
            timer_ms=_one_of(rng, _REMOTE_TICK_MS),
            burst_ticks=int(rng.integers(1, 8)),
            grid_px=1.0,
            thin_ms=0.0,
        )
    return recorder


def clamped(recorder: Recorder, t: Array) -> Array:
    """Give times as the client's timer tells them."""
    told: Array = np.floor(t / recorder.timer_ms + 1e-9) * recorder.timer_ms
    return told


def rounded(recorder: Recorder, value: Array) -> Array:
    """Give places as the browser tells them."""
    if not recorder.grid_px:
        return np.round(value, 4)
    return np.round(np.round(value / recorder.grid_px) * recorder.grid_px, 4)


def handling_delays(recorder: Recorder, rng: Rng, size: int) -> Array:
    """Draw how long events wait for their listener, ms."""
    return 0.2 + rng.exponential(0.5 if recorder.burst_ticks == 0 else 4.0, size)


def sample_path(recorder: Recorder, rng: Rng, path: Path, flush_ms: Array) -> Path:
    """Sample a pointer path as the recorder sees it.

    Parameters
    ----------
    path
        The true path, ms and px.
    flush_ms
        Times at which a browser delivers at once what it holds back: those of presses.

    Returns
    -------
    Path
        Samples of which each differs in place from the one before; times do not go back.
    """
    t = _reports(recorder, rng, path)
    if not len(t):
        return Path(t, t, t)
    x, y = position(path, t)
    x, y = rounded(recorder, x), rounded(recorder, y)
    t, x, y = _changed(t, x, y)
    delivered = _delivery(recorder, rng, t, flush_ms)
    last_of_frame = (
        np.append(delivered[1:] != delivered[:-1], True) if recorder.frame_ms or recorder.burst_ticks else _all(t)
    )
    if recorder.burst_ticks:  # of some frames, two states come through
        last_of_frame |= rng.random(len(t)) < 0.25 * recorder.report_ms / (recorder.burst_ticks * recorder.timer_ms)
    if recorder.hardware_stamps and not recorder.burst_ticks:
        t = np.maximum.accumulate(t + np.abs(rng.normal(0, recorder.stamp_jitter_ms, len(t))))
    else:
        t = delivered
    t, x, y = t[last_of_frame], x[last_of_frame], y[last_of_frame]
    rows = _thinned(t, recorder.thin_ms)
    t, x, y = clamped(recorder, t[rows]), x[rows], y[rows]
    return _changed(t, x, y)


def _reports(recorder: Recorder, rng: Rng, path: Path) -> Array:
    """Draw when the device reports; only where the pointer is on its way, elsewhere there is nothing to say."""
    start, end = float(path.t[0]), float(path.t[-1]) + 3 * recorder.report_ms
    grid = np.arange(rng.uniform(0, recorder.report_ms) + start, end, recorder.report_ms)
    jitter = 0.02 * recorder.report_ms if recorder.report_ms <= 8 else 0.08 * recorder.report_ms
    return np.sort(grid + rng.normal(0, jitter, len(grid)))


def _delivery(recorder: Recorder, rng: Rng, t: Array, flush_ms: Array) -> Array:
    """Tell when each report reaches the listener: at the next frame, press or end of a stall."""
    frame = recorder.frame_ms
    if recorder.burst_ticks:
        ticks = np.maximum(1, recorder.burst_ticks + rng.integers(-1, 2, int((t[-1] - t[0]) / recorder.timer_ms) + 8))
        edges = t[0] + np.cumsum(ticks) * recorder.timer_ms
        edges = edges[: int(np.searchsorted(edges, t[-1])) + 2]
    elif frame:
        edges = np.arange(t[0] + rng.uniform(0, frame), t[-1] + 2 * frame, frame)
    else:
        edges = t
    edges = np.sort(np.concatenate((edges, flush_ms))) if len(flush_ms) else edges
    edges = edges[~_stalled(recorder, rng, edges)]
    at = np.searchsorted(edges, t)
    delivered = np.where(at < len(edges), edges[np.minimum(at, len(edges) - 1)], t + 5.0)
    delay = handling_delays(recorder, rng, len(edges) + 1)[at]
    if recorder.burst_ticks:
        delay = 0.0 * delay
    out: Array = np.maximum.accumulate(delivered + delay)
    return out


def _stalled(recorder: Recorder, rng: Rng, edges: Array) -> NDArray[np.bool_]:
    """Tell which deliveries fall into a stall of the page."""
    busy = np.zeros(len(edges), dtype=bool)
    if len(edges) < 3:
        return busy
    span_s = (edges[-1] - edges[0]) / 1_000
    for start in rng.uniform(edges[0], edges[-1], int(rng.poisson(recorder.stall_rate_hz * span_s))):
        busy |= (edges > start) & (edges < start + recorder.stall_ms * rng.uniform(0.5, 2))
    busy[-1] = False
    return busy


def _changed(t: Array, x: Array, y: Array) -> Path:
    new = np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1]))
    return Path(t[new], x[new], y[new])


def _thinned(t: Array, apart_ms: float) -> NDArray[np.intp]:
    if not apart_ms:
        return np.arange(len(t))
    rows, last = [], -np.inf
    for row, time in enumerate(t.tolist()):
        if time - last >= apart_ms:
            rows.append(row)
            last = time
    return np.array(rows, dtype=np.intp)


def _all(t: Array) -> NDArray[np.bool_]:
    return np.ones(len(t), dtype=bool)


def _one_of(rng: Rng, table: tuple[tuple[float, float], ...]) -> float:
    weights = np.array([weight for _, weight in table])
    return table[int(rng.choice(len(table), p=weights / weights.sum()))][0]
