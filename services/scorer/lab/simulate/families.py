"""Every cohort of people and every family of bots that can be simulated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from services.scorer.lab.simulate import bot_paths, bot_replay
from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.bots import draw_agent, draw_hybrid, draw_jitter_bot, made_up, replaying
from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.people import draw_impaired, draw_mouse, draw_trackpad
from services.scorer.lab.simulate.recorder import Condition

Device = Literal["pointer", "keys", "touch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of visitor.

    Parameters
    ----------
    label
        ``human`` or ``bot``.
    about
        One sentence.
    draw
        Draws one visitor.
    device
        What the visitor has in hand.
    condition
        What recorders are drawn; None for the mix that all people with pointers have together.
    """

    label: Literal["human", "bot"]
    about: str
    draw: Callable[[Rng], Actor]
    device: Device = "pointer"
    condition: Condition | None = None


def _draw_any_pointer(rng: Rng) -> Actor:
    return draw_trackpad(rng) if rng.random() < 0.35 else draw_mouse(rng)


PEOPLE: Final[dict[str, Family]] = {
    "mouse": Family(label="human", about="A mouse, at home or at work.", draw=draw_mouse, condition="plain"),
    "trackpad": Family(
        label="human", about="A trackpad: shorter strokes, lifted often.", draw=draw_trackpad, condition="plain"
    ),
    "clamped_timers": Family(
        label="human",
        about="A browser that tells time in steps of 1, 16.7 or 100 ms.",
        draw=_draw_any_pointer,
        condition="clamped",
    ),
    "remote_desktop": Family(
        label="human",
        about="A remote desktop: few, bursty frames and a coarse timer.",
        draw=_draw_any_pointer,
        condition="remote",
    ),
    "motor_impairment": Family(
        label="human",
        about="A trembling or slow hand: many corrections, long presses.",
        draw=draw_impaired,
        condition="plain",
    ),
}
BOTS: Final[dict[str, Family]] = {
    name: Family(label="bot", about=about, draw=draw)
    for name, about, draw in (
        ("teleport", "The pointer is there at once.", made_up(bot_paths.teleport)),
        ("straight_line", "A straight line, eased or not.", made_up(bot_paths.straight)),
        ("constant_speed", "One speed along a slight arc.", made_up(bot_paths.constant_speed)),
        ("bezier", "A cubic Bezier curve with random control points.", made_up(bot_paths.bezier)),
        ("minimum_jerk", "The smoothest profile with Gaussian noise.", made_up(bot_paths.minimum_jerk)),
        (
            "spline_human_timing",
            "A spline through random points, timed as people are.",
            made_up(bot_paths.spline_human_timing),
        ),
        ("perlin_noise", "A straight line with octaves of smooth noise.", made_up(bot_paths.perlin)),
        ("wind", "Gravity and gusts of wind pull the pointer.", made_up(bot_paths.wind)),
        ("lognormal_sum", "A sum of log-normal strokes, without noise.", made_up(bot_paths.lognormal_sum)),
        ("sine", "A swing about a straight line.", made_up(bot_paths.sine)),
        ("random_bridge", "A random walk tied to both ends.", made_up(bot_paths.bridge)),
        ("overshoot", "Misses on purpose and corrections, from templates.", made_up(bot_paths.overshoot)),
        ("replay_jitter", "A person's movements, replayed a little shaken.", draw_jitter_bot),
        (
            "replay_rescaled",
            "A person's movements, turned and stretched to the target.",
            replaying(bot_replay.rescaled),
        ),
        ("replay_blended", "The average of two stolen movements.", replaying(bot_replay.blended)),
        ("replay_spline", "A spline through a few points of a stolen movement.", replaying(bot_replay.splined)),
        ("screenshot_agent", "Long looks at pictures of the page, then a click at once.", draw_agent),
        ("hybrid", "A person first, a script after.", draw_hybrid),
    )
}
FAMILIES: Final[dict[str, Family]] = {**PEOPLE, **BOTS}
