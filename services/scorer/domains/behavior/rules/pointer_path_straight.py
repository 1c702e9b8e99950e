"""The pointer moves along straight lines, exact to the pixel.

Wrist and elbow turn about joints, and muscles tremble, so paths bend and shake. Automation tools go from target to
target in straight lines. Lines along the screen's axes and diagonals are left out: rulers, menus and mouse keys keep
people on those.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_PATH_STRAIGHT",
    weight=0.7,
    message="The pointer moves along lines that are straight to the pixel, as automation tools do.",
    enough=(at_least("pointer_stretches", 3, why="they overlap: so 17 samples without a pause"),),
    when=(
        at_least(
            "pointer_line_share", 0.75, why="2 of 7,600 recordings of people get there for a while, on a touchpad"
        ),
    ),
    cases=(
        hit("a tool moves from target to target", pointer_stretches=12, pointer_line_share=0.85),
        no_hit("a hand's path", pointer_stretches=30, pointer_line_share=0.02),
        unknown("no pointer was moved", pointer_stretches=0, pointer_line_share=None),
        unknown("a short movement", pointer_stretches=2, pointer_line_share=1.0),
    ),
)
