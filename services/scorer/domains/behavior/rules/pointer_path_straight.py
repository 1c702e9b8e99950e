"""The pointer moves along straight lines.

Wrist and elbow turn about joints, so paths bend. Automation tools go from target to target in straight lines.
Lines along the screen's axes and diagonals are left out: rulers, menus and mouse keys keep people on those.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_PATH_STRAIGHT",
    weight=0.6,
    message="The pointer moves along straight lines, as automation tools do.",
    enough=(at_least("pointer_windows", 20, why="a few fast swings of a hand can be this straight"),),
    when=(
        at_least("pointer_straight_share", 0.65, why="of 1,300 recordings 8 have this for a while, none at the end"),
    ),
    cases=(
        hit("a tool moves from target to target", pointer_windows=120, pointer_straight_share=0.85),
        no_hit("a hand's path", pointer_windows=120, pointer_straight_share=0.1),
        unknown("no pointer was moved", pointer_windows=0, pointer_straight_share=None),
        unknown("a single swing", pointer_windows=4, pointer_straight_share=1.0),
    ),
)
