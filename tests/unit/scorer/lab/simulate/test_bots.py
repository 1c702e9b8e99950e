"""Each family of bots does what its name says."""

from itertools import pairwise

import numpy as np
import pytest

from services.scorer.lab.simulate import bot_paths, bot_replay
from services.scorer.lab.simulate.bot_keys import LAWS, draw_keyer
from services.scorer.lab.simulate.bot_paths import EASINGS, Manner
from services.scorer.lab.simulate.motion import Path
from services.scorer.lab.simulate.page import Page
from services.scorer.lab.simulate.sessions import simulate
from services.scorer.lab.simulate.stage import Stage

CLEAN = Manner(easing=EASINGS["in_out_sine"], noise_px=0.0, bow=0.2, knots=4)
START, END = (100.0, 200.0), (500.0, 350.0)


def path_of(mover: bot_paths.Mover, seed: int = 1) -> Path:
    return mover(np.random.default_rng(seed), CLEAN, START, END, 600.0)


def straightness(path: Path) -> float:
    length = np.hypot(np.diff(path.x), np.diff(path.y)).sum()
    return float(np.hypot(path.x[-1] - path.x[0], path.y[-1] - path.y[0]) / length)


@pytest.mark.parametrize(
    "mover",
    [
        bot_paths.teleport, bot_paths.straight, bot_paths.constant_speed, bot_paths.bezier, bot_paths.minimum_jerk,
        bot_paths.spline_human_timing, bot_paths.perlin, bot_paths.wind, bot_paths.lognormal_sum, bot_paths.sine,
        bot_paths.bridge, bot_paths.overshoot,
    ],
)  # fmt: skip
def test_every_recipe_leads_from_start_to_end_in_time(mover: bot_paths.Mover) -> None:
    for seed in range(5):
        path = path_of(mover, seed)

        assert np.hypot(path.x[-1] - END[0], path.y[-1] - END[1]) < 1.5
        assert np.hypot(path.x[0] - START[0], path.y[0] - START[1]) < 1.5
        assert np.all(np.diff(path.t) >= 0) and 0 <= path.t[0] and path.t[-1] < 6_000
        assert np.all(np.isfinite(path.x)) and np.all(np.isfinite(path.y))


def test_teleports_take_no_time() -> None:
    assert path_of(bot_paths.teleport).t[-1] < 1


def test_straight_lines_are_straight_and_bezier_curves_are_not() -> None:
    assert straightness(path_of(bot_paths.straight)) > 0.9999
    assert np.median([straightness(path_of(bot_paths.bezier, seed)) for seed in range(20)]) < 0.999


def test_constant_speed_is_constant() -> None:
    path = path_of(bot_paths.constant_speed)
    speed = np.hypot(np.diff(path.x), np.diff(path.y))

    assert speed.std() / speed.mean() < 0.1


def test_easings_go_from_none_to_all() -> None:
    u = np.linspace(0, 1, 101)
    for ease in EASINGS.values():
        done = ease(u)
        assert done[0] == pytest.approx(0, abs=1e-9) and done[-1] == pytest.approx(1)
        assert np.all(np.diff(done) >= 0)


def test_replays_keep_the_shape_they_stole() -> None:
    rng = np.random.default_rng(4)
    loot = bot_replay.Loot(bot_replay.draw_loot(rng).paths[:1])
    path = bot_replay.rescaled(rng, loot, START, END, 1.0)

    assert (path.x[0], path.y[0]) == pytest.approx(START) and (path.x[-1], path.y[-1]) == pytest.approx(END)
    assert straightness(path) == pytest.approx(straightness(loot.paths[0]))


def test_blends_and_splines_end_where_they_should() -> None:
    for way in (bot_replay.blended, bot_replay.splined):
        rng = np.random.default_rng(8)
        path = way(rng, bot_replay.draw_loot(rng), START, END, 1.0)
        assert (path.x[-1], path.y[-1]) == pytest.approx(END)


@pytest.mark.parametrize("law", LAWS)
def test_scripts_type_by_their_law(law: str) -> None:
    rng = np.random.default_rng(6)
    stage = Stage(rng=rng, page=Page(800, 600, ()), x=0, y=0)
    draw_keyer(rng, law).type(stage, 80, "field")
    gaps = np.array([b.down_ms - a.down_ms for a, b in pairwise(stage.keys)])

    assert len(stage.keys) == 80 and np.all(gaps > 0)
    assert (gaps.std() < 1e-6) == (law == "constant")


def test_form_fillers_are_not_real_input_where_the_browser_tells() -> None:
    told = [
        event["trusted"]
        for index in range(30)
        for event in simulate("form_filler", 2, index)["events"]
        if "trusted" in event
    ]
    assert told and told.count(False) > len(told) / 3
