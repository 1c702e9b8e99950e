"""A script makes the pointer and key events, no device.

Browsers mark what a page dispatches itself with ``isTrusted: false``. Some accessibility extensions replay a few
events that way, so it takes many, and most of all.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="UNTRUSTED_INPUT",
    weight=0.7,
    message="Most input events were made by a script, not by a device.",
    enough=(at_least("trust_told", 20, why="a helper's replayed click is a handful of events"),),
    when=(at_least("untrusted_share", 0.5, why="a helper's events stand among the person's own"),),
    cases=(
        hit("a script moves and types", trust_told=200, untrusted_share=1.0),
        no_hit("an extension replayed a click", trust_told=200, untrusted_share=0.03),
        unknown("the client cannot tell", trust_told=0, untrusted_share=None),
        unknown("only a few events so far", trust_told=4, untrusted_share=1.0),
    ),
)
