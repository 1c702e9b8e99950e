"""The client found traces of an automation tool in the page.

Drivers leave names and functions behind that no ordinary browser has. Extensions may plant a single one by accident
or as a joke, so this is weaker than the browser's own word.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="AUTOMATION_FLAGS",
    weight=0.8,
    message="The page holds traces of an automation tool.",
    when=(at_least("automation_flag_count", 1, why="an untouched browser has none"),),
    cases=(
        hit("a driver's global was found", automation_flag_count=1),
        no_hit("the client looked and found none", automation_flag_count=0),
        unknown("the client did not look", automation_flag_count=None),
    ),
)
