"""The page is scrolled by equal steps at equal times.

A wheel has notches, so steps are alike; a browser animates, so times are. Fingers that push a wheel or a page bring
both at once only for a moment. Steps faster than 60 ms are left out of it: animations and keys held down make those.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="SCROLL_STEPS_EVEN",
    weight=0.45,
    message="The page is scrolled by equal steps at equal times.",
    enough=(
        at_least("scrolls", 10, why="fewer are alike by chance too often"),
        at_least("scroll_slow_share", 0.8, why="quicker steps are those of animations"),
    ),
    when=(at_least("scroll_even_share", 0.8, why="simulated people reach 0.33, and 0.54 in quicker steps"),),
    cases=(
        hit("a loop that scrolls", scrolls=30, scroll_slow_share=1.0, scroll_even_share=1.0),
        no_hit("a wheel", scrolls=30, scroll_slow_share=0.9, scroll_even_share=0.2),
        unknown("a smooth animation", scrolls=90, scroll_slow_share=0.0, scroll_even_share=0.9),
        unknown("nothing was scrolled", scrolls=0, scroll_slow_share=None, scroll_even_share=None),
    ),
)
