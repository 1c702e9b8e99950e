"""Every cohort of people and every family of bots that can be simulated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from services.scorer.lab.simulate import bot_paths, bot_replay
from services.scorer.lab.simulate.actors import Actor
from services.scorer.lab.simulate.bot_keys import LAWS
from services.scorer.lab.simulate.bots import draw_agent, draw_hybrid, draw_jitter_bot, made_up, replaying
from services.scorer.lab.simulate.bots_forms import (
    draw_form_filler,
    draw_stolen_touch_bot,
    draw_straight_touch_bot,
    typing,
)
from services.scorer.lab.simulate.device_facts import Honesty
from services.scorer.lab.simulate.motion import Rng
from services.scorer.lab.simulate.people import draw_impaired, draw_mouse, draw_trackpad
from services.scorer.lab.simulate.people_aided import (
    draw_fast_typist,
    draw_keyboard_user,
    draw_managed_person,
    draw_mouse_keys_user,
    draw_screen_reader_user,
    draw_slow_typist,
)
from services.scorer.lab.simulate.people_touch import draw_touch_user
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
    honesty
        What the visitor's browser tells of itself.
    forms
        Always meets a page with fields, and a client that listens to them.
    """

    label: Literal["human", "bot"]
    about: str
    draw: Callable[[Rng], Actor]
    device: Device = "pointer"
    condition: Condition | None = None
    honesty: Honesty = "honest"
    forms: bool = False


def _draw_any_pointer(rng: Rng) -> Actor:
    return draw_trackpad(rng) if rng.random() < 0.35 else draw_mouse(rng)


def _human(
    about: str,
    draw: Callable[[Rng], Actor],
    device: Device = "pointer",
    condition: Condition | None = None,
    honesty: Honesty = "honest",
    forms: bool = False,
) -> Family:
    return Family(
        label="human", about=about, draw=draw, device=device, condition=condition, honesty=honesty, forms=forms
    )


def _bot(about: str, draw: Callable[[Rng], Actor], device: Device = "pointer", honesty: Honesty = "honest") -> Family:
    return Family(label="bot", about=about, draw=draw, device=device, honesty=honesty)


PEOPLE: Final[dict[str, Family]] = {
    "mouse": _human("A mouse, at home or at work.", draw_mouse, condition="plain"),
    "trackpad": _human("A trackpad: shorter strokes, lifted often.", draw_trackpad, condition="plain"),
    "clamped_timers": _human(
        "A browser that tells time in steps of 1, 16.7 or 100 ms.", _draw_any_pointer, condition="clamped"
    ),
    "remote_desktop": _human(
        "A remote desktop: few, bursty frames and a coarse timer.", _draw_any_pointer, condition="remote"
    ),
    "motor_impairment": _human(
        "A trembling or slow hand: many corrections, long presses.", draw_impaired, condition="plain"
    ),
    "password_manager": _human(
        "A password manager fills in or pastes what others type.", draw_managed_person, condition="plain", forms=True
    ),
    "privacy_browser": _human(
        "Coarse timers, few facts about the device, the same for everybody.",
        _draw_any_pointer,
        condition="clamped",
        honesty="private",
    ),
    "touch": _human("A phone or tablet.", draw_touch_user, device="touch"),
    "keyboard_only": _human("Everything by Tab, arrows and Enter.", draw_keyboard_user, device="keys"),
    "fast_typist": _human("Types 90 to 150 words a minute.", draw_fast_typist, device="keys"),
    "slow_typist": _human("Looks for every key.", draw_slow_typist, device="keys"),
    "screen_reader": _human("Hears the page; the reader clicks.", draw_screen_reader_user, device="keys"),
    "mouse_keys": _human("Moves the pointer with the number pad.", draw_mouse_keys_user, condition="plain"),
}
_TYPISTS: Final = {
    "constant": "Keys at one interval.",
    "range": "Intervals evenly spread over a range.",
    "gaussian": "Intervals on a bell curve.",
    "sampled": "Intervals and dwells drawn independently from people's distributions.",
    "pairs": "Intervals sampled by pair of key classes from one person's typing.",
    "replay": "A person's intervals and dwells, replayed in order with 5 % jitter.",
}
BOTS: Final[dict[str, Family]] = {
    "teleport": _bot("The pointer is there at once.", made_up(bot_paths.teleport)),
    "straight_line": _bot("A straight line, eased or not.", made_up(bot_paths.straight)),
    "constant_speed": _bot("One speed along a slight arc.", made_up(bot_paths.constant_speed)),
    "bezier": _bot("A cubic Bezier curve with random control points.", made_up(bot_paths.bezier)),
    "minimum_jerk": _bot("The smoothest profile with Gaussian noise.", made_up(bot_paths.minimum_jerk)),
    "spline_human_timing": _bot(
        "A spline through random points, timed as people are.", made_up(bot_paths.spline_human_timing)
    ),
    "perlin_noise": _bot("A straight line with octaves of smooth noise.", made_up(bot_paths.perlin)),
    "wind": _bot("Gravity and gusts of wind pull the pointer.", made_up(bot_paths.wind)),
    "lognormal_sum": _bot("A sum of log-normal strokes, without noise.", made_up(bot_paths.lognormal_sum)),
    "sine": _bot("A swing about a straight line.", made_up(bot_paths.sine)),
    "random_bridge": _bot("A random walk tied to both ends.", made_up(bot_paths.bridge)),
    "overshoot": _bot("Misses on purpose and corrects, from templates.", made_up(bot_paths.overshoot)),
    "replay_jitter": _bot("A person's movements, replayed a little shaken.", draw_jitter_bot),
    "replay_rescaled": _bot(
        "A person's movements, turned and stretched to the target.", replaying(bot_replay.rescaled)
    ),
    "replay_blended": _bot("The average of two stolen movements.", replaying(bot_replay.blended)),
    "replay_spline": _bot("A spline through a few points of a stolen movement.", replaying(bot_replay.splined)),
    "screenshot_agent": _bot("Long looks at pictures of the page, then a click at once.", draw_agent),
    "hybrid": _bot("A person first, a script after.", draw_hybrid),
    "form_filler": _bot("Sets values and dispatches events inside the page.", draw_form_filler, "keys", "driven"),
    **{f"keys_{law}": _bot(_TYPISTS[law], typing(law), "keys") for law in LAWS},
    "touch_straight": _bot("Taps without length on the middle, straight swipes.", draw_straight_touch_bot, "touch"),
    "touch_replay": _bot("One person's swipes again and again, careful taps.", draw_stolen_touch_bot, "touch"),
}
FAMILIES: Final[dict[str, Family]] = {**PEOPLE, **BOTS}
