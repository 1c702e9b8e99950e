"""Keys come within a narrow band of intervals, however random they look.

Text has easy and hard letters, words begin and thoughts pause, so a longer text spreads intervals widely. Programs
that add a little randomness to a delay stay close to it.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_NARROW",
    weight=0.55,
    message="The intervals between keys vary far less than text makes them vary.",
    enough=(
        at_least("key_intervals", 80, why="a fluent sentence may be this even, several are not"),
        at_most("key_tied_share", 0.05, why="at this, a clock of 100 ms hides a fast typist's variation"),
    ),
    when=(at_most("key_interval_cv", 0.27, why="of 2,100 pairs of sentences by 300 people the most even has 0.29"),),
    cases=(
        hit("a delay with a little randomness", key_intervals=120, key_tied_share=0.0, key_interval_cv=0.2),
        no_hit("a person", key_intervals=120, key_tied_share=0.0, key_interval_cv=0.6),
        unknown("nothing was typed", key_intervals=0, key_tied_share=None, key_interval_cv=None),
        unknown("one sentence", key_intervals=50, key_tied_share=0.0, key_interval_cv=0.2),
        unknown("a coarse clock", key_intervals=120, key_tied_share=0.2, key_interval_cv=0.2),
    ),
)
