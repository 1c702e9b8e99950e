"""The pointer draws curves that are exact to the pixel.

Muscles tremble at 8 to 12 times a second, so a hand's path leaves any smooth curve by more than a pixel. Libraries that
imitate people draw curves by formula; where those bend gently, nearly every stretch is an arc to the last pixel. Curves
that bend more, or are sampled slowly, are left to the model. Some touchpads smooth what a finger draws; they come near.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_CURVES_EXACT",
    weight=0.55,
    message="The pointer draws curves that are exact to the pixel, without a hand's tremor.",
    enough=(at_least("pointer_stretches", 8, why="a few quick swings of a hand are arcs, too"),),
    when=(at_least("pointer_arc_share", 0.8, why="of 7,600 recordings of people 2 get there, on a touchpad"),),
    cases=(
        hit("gently bent curves from target to target", pointer_stretches=40, pointer_arc_share=0.9),
        no_hit("a hand's path", pointer_stretches=40, pointer_arc_share=0.08),
        unknown("no pointer was moved", pointer_stretches=0, pointer_arc_share=None),
        unknown("a single swing", pointer_stretches=3, pointer_arc_share=1.0),
    ),
)
