"""The pointer keeps one speed.

A hand speeds up and brakes in every movement: the logarithm of its speed varies by a fifth at the very least, even
where it draws circles. Coarse and clamped timers make speed look less even, never more. Mouse keys keep one speed,
but along eight directions only, and those tell nothing here.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_SPEED_EVEN",
    weight=0.85,
    message="The pointer keeps one speed, which no hand does.",
    enough=(
        at_least("pointer_fine_windows", 20, why="a third of a second; less may be one even pull"),
        at_least("pointer_steps", 20, why="off the eight directions of rulers and mouse keys"),
    ),
    when=(
        at_most("pointer_fine_speed_spread", 0.1, why="a variance of 0.01; 773 recordings of people stay over 0.18"),
    ),
    cases=(
        hit(
            "a curve walked at constant speed",
            pointer_fine_windows=90,
            pointer_steps=60,
            pointer_fine_speed_spread=0.04,
        ),
        no_hit("a hand drawing circles", pointer_fine_windows=90, pointer_steps=60, pointer_fine_speed_spread=0.4),
        unknown("no pointer was moved", pointer_fine_windows=0, pointer_steps=0, pointer_fine_speed_spread=None),
        unknown("mouse keys", pointer_fine_windows=90, pointer_steps=0, pointer_fine_speed_spread=0.02),
        unknown("a short movement", pointer_fine_windows=12, pointer_steps=0, pointer_fine_speed_spread=0.05),
    ),
)
