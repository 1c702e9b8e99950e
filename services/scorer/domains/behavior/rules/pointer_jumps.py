"""The mouse clicks here and there without moving in between.

A mouse has to travel. Automation tools put it on the target. So do voice control and screen readers, which is why
this stops nobody by itself and only clicks said to be a mouse's count.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_JUMPS",
    weight=0.35,
    message="The mouse is on its targets without having moved there.",
    enough=(at_least("pointer_far_clicks", 5, why="a lost sample or a warped pointer explains a few"),),
    when=(at_least("pointer_jump_share", 0.5, why="354 recordings of people reach a tenth at most"),),
    cases=(
        hit("a tool clicks through a form", pointer_far_clicks=12, pointer_jump_share=1.0),
        no_hit("a mouse that travels", pointer_far_clicks=12, pointer_jump_share=0.0),
        unknown("no mouse, or no clicks", pointer_far_clicks=0, pointer_jump_share=None),
        unknown("only two far clicks", pointer_far_clicks=2, pointer_jump_share=1.0),
    ),
)
