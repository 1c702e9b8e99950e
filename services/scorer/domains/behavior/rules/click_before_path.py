"""A mouse clicks here and there before it ever moved.

A mouse is moved to what it clicks. Clicks at several far places before the first movement were made by a program, or
by voice control, which is why this stops nobody by itself.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="CLICK_BEFORE_PATH",
    weight=0.3,
    message="A mouse clicked at several places before it moved at all.",
    enough=(at_least("pointer_far_clicks", 3, why="one or two may come before the recorder heard of movements"),),
    when=(at_least("clicks_before_path", 3, why="1,355 recordings of people reach 1 at most"),),
    cases=(
        hit("a tool clicks through a form", pointer_far_clicks=8, clicks_before_path=8),
        no_hit("a mouse that travels", pointer_far_clicks=8, clicks_before_path=0),
        unknown("no mouse, or no clicks", pointer_far_clicks=0, clicks_before_path=0),
        unknown("nobody counted", pointer_far_clicks=8, clicks_before_path=None),
    ),
)
