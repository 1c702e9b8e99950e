"""The browser names itself as one without a window, or as a tool for automation.

Headless browsers say so in their user agent or brands unless they are told to hide it. Nobody looks at a page in one.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="DEVICE_HEADLESS",
    weight=0.9,
    message="The browser names itself as one that runs without a window.",
    when=(at_least("device_headless", 1, why="a name that no browser for people has"),),
    cases=(
        hit("HeadlessChrome", device_headless=True),
        no_hit("an ordinary browser", device_headless=False),
        unknown("the browser gave no name", device_headless=None),
    ),
)
