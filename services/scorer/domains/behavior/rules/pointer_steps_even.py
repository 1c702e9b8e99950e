"""The pointer moves in steps of one length.

A hand speeds up and brakes all the time, so neighbouring steps differ. A program that walks a curve point by point
makes them alike. Coarse and clamped timers do not: they change when a step is taken, not that hands vary.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_STEPS_EVEN",
    weight=0.55,
    message="The pointer moves in steps of one length, as a program walks a curve.",
    enough=(at_least("pointer_steps", 20, why="fewer are alike by chance too often"),),
    when=(at_least("pointer_even_share", 0.55, why="1 of 1,082 recordings of people gets there"),),
    cases=(
        hit("a circle walked at constant speed", pointer_steps=60, pointer_even_share=0.9),
        no_hit("a hand drawing a circle", pointer_steps=60, pointer_even_share=0.25),
        unknown("no pointer was moved", pointer_steps=0, pointer_even_share=None),
        unknown("a short movement", pointer_steps=6, pointer_even_share=1.0),
    ),
)
