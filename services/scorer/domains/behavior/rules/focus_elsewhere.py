"""Keys arrive in elements that do not have the focus.

A keyboard types into the focused element and nowhere else. Scripts send key events to whatever element they like. Only
keys count whose element the client names, in pages that tell which element is focused.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="FOCUS_ELSEWHERE",
    weight=0.3,
    message="Keys are typed into elements that do not have the focus.",
    enough=(at_least("focus_keys", 10, why="a page may move the focus in the middle of a word"),),
    when=(at_least("focus_missed_share", 0.8, why="two pages in turn, or frames, account for some, not for most"),),
    cases=(
        hit("a script types into a field", focus_keys=30, focus_missed_share=1.0),
        no_hit("a person", focus_keys=30, focus_missed_share=0.0),
        unknown("the client tells no focus", focus_keys=0, focus_missed_share=None),
        unknown("a few keys", focus_keys=3, focus_missed_share=1.0),
    ),
)
