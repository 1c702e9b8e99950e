"""A recorder rounds places, clamps times, thins, and keeps the last report of a frame."""

from dataclasses import replace

import numpy as np
import pytest

from services.scorer.lab.simulate.motion import Path
from services.scorer.lab.simulate.recorder import Recorder, draw_recorder, sample_path

WALK = Path(np.array([0.0, 1_000.0]), np.array([0.0, 800.0]), np.array([0.0, 300.0]))


def recorder(**changes: object) -> Recorder:
    plain = draw_recorder(np.random.default_rng(1))
    base: dict[str, object] = {
        "report_ms": 8.0, "frame_ms": 0.0, "stall_rate_hz": 0.0, "thin_ms": 0.0, "timer_ms": 0.001, "grid_px": 1.0,
        "hardware_stamps": True,
    }  # fmt: skip
    return replace(plain, **{**base, **changes})  # type: ignore[arg-type]


def seen(one: Recorder, path: Path = WALK) -> Path:
    return sample_path(one, np.random.default_rng(2), path, np.zeros(0))


def test_reports_come_at_the_rate_of_the_device() -> None:
    assert len(seen(recorder(report_ms=8.0)).t) == pytest.approx(125, abs=4)
    assert len(seen(recorder(report_ms=1.0, grid_px=0.0)).t) == pytest.approx(1_000, abs=30)


def test_frames_keep_the_last_report() -> None:
    gaps = np.diff(seen(recorder(report_ms=1.0, frame_ms=16.667)).t)

    assert np.median(gaps) == pytest.approx(16.667, abs=1.5)


@pytest.mark.parametrize("grid_px", [1.0, 0.8, 0.5])
def test_places_lie_on_the_grid(grid_px: float) -> None:
    path = seen(recorder(grid_px=grid_px))

    assert np.allclose(path.x / grid_px, np.round(path.x / grid_px), atol=1e-3)


@pytest.mark.parametrize("timer_ms", [1.0, 16.667, 100.0])
def test_times_are_multiples_of_the_timer(timer_ms: float) -> None:
    path = seen(recorder(timer_ms=timer_ms))

    assert np.allclose(path.t / timer_ms, np.round(path.t / timer_ms), atol=1e-6)
    assert np.all(np.diff(path.t) >= 0)


def test_thinned_moves_are_apart() -> None:
    assert np.diff(seen(recorder(thin_ms=50.0)).t).min() >= 50


def test_a_resting_pointer_is_not_reported() -> None:
    rest = Path(np.array([0.0, 5_000.0]), np.array([9.0, 9.0]), np.array([9.0, 9.0]))

    assert len(seen(recorder(), rest).t) == 1


def test_stalls_leave_gaps() -> None:
    gaps = np.diff(seen(recorder(frame_ms=8.333, stall_rate_hz=2.0, stall_ms=150.0)).t)

    assert gaps.max() > 60


def test_a_remote_desktop_sends_bursts_on_its_own_timer() -> None:
    remote = draw_recorder(np.random.default_rng(3), "remote")
    path = seen(remote)

    assert remote.burst_ticks >= 1
    assert np.allclose(path.t / remote.timer_ms, np.round(path.t / remote.timer_ms), atol=1e-6)


def test_conditions_change_nothing_else() -> None:
    plain, clamped = (draw_recorder(np.random.default_rng(9), condition) for condition in ("plain", "clamped"))

    assert replace(clamped, timer_ms=plain.timer_ms) == plain
    assert clamped.timer_ms >= 1
