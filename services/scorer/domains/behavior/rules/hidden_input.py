"""Most input comes while the page is hidden.

Nobody clicks in a page that is not shown. A second page of the same session may be shown instead and not say so, which
is why this weighs little.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="HIDDEN_INPUT",
    weight=0.3,
    message="Most input came while the page was hidden.",
    enough=(at_least("hidden_checked", 20, why="a few events may cross the change on their way"),),
    when=(at_least("hidden_input_share", 0.5, why="the events that cross a change are a small part"),),
    cases=(
        hit("a page driven in the background", hidden_checked=200, hidden_input_share=0.95),
        no_hit("a person who looked away once", hidden_checked=200, hidden_input_share=0.01),
        unknown("the client tells no visibility", hidden_checked=0, hidden_input_share=None),
        unknown("a few events", hidden_checked=5, hidden_input_share=1.0),
    ),
)
