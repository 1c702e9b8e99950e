"""The page jumps by over 5,000 pixels at once, several times.

Wheels and fingers do not get there in one step. Keys, links and dragged scroll bars do; where the recorder names them
they are left out, and where it does not this alone stops nobody.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="SCROLL_JUMPS",
    weight=0.3,
    message="The page jumps by over 5,000 pixels at once.",
    when=(at_least("scroll_jumps", 3, why="to the end and back to the start may be one key each"),),
    cases=(
        hit("a script that scrolls", scroll_jumps=6),
        no_hit("a wheel", scroll_jumps=0),
        no_hit("to the end and back", scroll_jumps=2),
        unknown("nothing was scrolled", scroll_jumps=None),
    ),
)
