"""Buttons are pressed faster than a finger can.

The fastest double clicks take about 60 ms. Presses of one tick of a clamped timer are not counted. Worn switches
bounce: of 683 recordings of people at web pages 6 hit, so by itself this says little.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="CLICK_INTERVALS_SHORT",
    weight=0.3,
    message="Clicks follow each other faster than a finger can press.",
    when=(at_least("clicks_hasty", 3, why="under 30 ms; 399 sessions of people reach 2"),),
    cases=(
        hit("a loop that clicks", clicks_hasty=40),
        no_hit("double clicks", clicks_hasty=0),
        no_hit("a worn switch", clicks_hasty=2),
        unknown("no clicks, or a single one", clicks_hasty=None),
    ),
)
