"""Keys come at one beat.

People's intervals vary with the letters and the thought behind them. Programs type to a timer. Repeats of a key
held down are left out, and so are pauses over two seconds.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_EVEN",
    weight=0.5,
    message="Keys are pressed at one beat, as a program types.",
    enough=(at_least("key_intervals", 30, why="short words can be typed evenly"),),
    when=(at_most("key_interval_cv", 0.15, why="of 4,404 typed sentences the most even one has 0.24"),),
    cases=(
        hit("a program with a fixed delay", key_intervals=100, key_interval_cv=0.02),
        no_hit("a person", key_intervals=100, key_interval_cv=0.6),
        unknown("nothing was typed", key_intervals=0, key_interval_cv=None),
        unknown("a single word", key_intervals=6, key_interval_cv=0.05),
    ),
)
