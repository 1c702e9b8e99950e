"""Every swipe is as straight as a ruler.

A thumb turns about its joint and a finger about the wrist, so swipes bow. A script goes from one point to another.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="TOUCH_SWIPES_STRAIGHT",
    weight=0.55,
    message="Every swipe is a straight line.",
    enough=(at_least("touch_stroke_strokes", 3, why="one or two short swipes may be straight"),),
    when=(at_most("touch_stroke_bow", 0.0012, why="of 274 recorded people 1 was as straight, for three swipes"),),
    cases=(
        hit("a script that swipes", touch_stroke_strokes=4, touch_stroke_bow=0.0005),
        no_hit("a finger", touch_stroke_strokes=4, touch_stroke_bow=0.02),
        unknown("a single swipe", touch_stroke_strokes=1, touch_stroke_bow=0.0003),
        unknown("no swipes", touch_stroke_strokes=0, touch_stroke_bow=None),
    ),
)
