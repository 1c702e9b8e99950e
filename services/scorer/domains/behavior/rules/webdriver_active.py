"""The browser says that a program drives it.

WebDriver (W3C) makes a browser set ``navigator.webdriver`` while it is driven, by Selenium, Playwright and the like.
No assistive technology does. A browser that says nothing is not suspected.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="WEBDRIVER_ACTIVE",
    weight=0.9,
    message="The browser reports that it is driven by a program.",
    when=(at_least("webdriver", 1, why="a plain yes or no, set by the browser itself"),),
    cases=(
        hit("a driven browser", webdriver=True),
        no_hit("an ordinary browser", webdriver=False),
        unknown("no fingerprint was sent", webdriver=None),
    ),
)
