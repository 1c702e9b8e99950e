"""Every swipe is as long and as fast as the others.

Fingers swipe a little further or faster each time. A script that swipes has one length and one duration. Clamped
timers make durations alike, never lengths.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="TOUCH_SWIPES_ALIKE",
    weight=0.55,
    message="Every swipe is as long and as fast as the others.",
    enough=(at_least("touch_stroke_strokes", 5, why="fewer are alike by chance too often"),),
    when=(
        at_most("touch_stroke_length_spread", 0.03, why="a 3 % difference; simulated fingers stay over 0.07"),
        at_most("touch_stroke_duration_spread", 0.15, why="a script's timer may be loose"),
    ),
    cases=(
        hit(
            "one swipe in a loop",
            touch_stroke_strokes=9,
            touch_stroke_length_spread=0.0,
            touch_stroke_duration_spread=0.02,
        ),
        no_hit("a finger", touch_stroke_strokes=9, touch_stroke_length_spread=0.3, touch_stroke_duration_spread=0.3),
        unknown(
            "no swipes", touch_stroke_strokes=0, touch_stroke_length_spread=None, touch_stroke_duration_spread=None
        ),
    ),
)
