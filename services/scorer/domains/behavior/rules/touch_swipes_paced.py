"""Every swipe speeds up and slows down like the others.

How far into a swipe a finger is fastest, and by how much, is another each time. A script has one curve, or plays one
recording in other sizes.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="TOUCH_SWIPES_PACED",
    weight=0.55,
    message="Every swipe speeds up and slows down in the same way.",
    enough=(at_least("touch_stroke_strokes", 4, why="three are alike by chance in 2 of 100 recordings of people"),),
    when=(
        at_most("touch_stroke_centre_spread", 0.015, why="272 of 274 recorded people never come near it"),
        at_most("touch_stroke_unevenness_spread", 0.04, why="the same people's median is 0.19"),
    ),
    cases=(
        hit(
            "one swipe in other sizes",
            touch_stroke_strokes=6,
            touch_stroke_centre_spread=0.006,
            touch_stroke_unevenness_spread=0.02,
        ),
        no_hit("a finger", touch_stroke_strokes=6, touch_stroke_centre_spread=0.08, touch_stroke_unevenness_spread=0.2),
        unknown(
            "two swipes", touch_stroke_strokes=2, touch_stroke_centre_spread=None, touch_stroke_unevenness_spread=None
        ),
    ),
)
