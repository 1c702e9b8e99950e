"""Keys come faster than fingers go.

The fastest typists keep up some 60 ms a key for a sentence. Text expanders and barcode scanners are faster and
honest, which is why this stops nobody by itself.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_SHORT",
    weight=0.4,
    message="Keys are pressed faster than fingers go.",
    enough=(at_least("key_intervals", 30, why="one expanded phrase is no typing"),),
    when=(at_most("key_interval_mean_ms", 40, why="of 4,404 typed sentences the fastest has a mean of 74 ms"),),
    cases=(
        hit("a program without delay", key_intervals=100, key_interval_mean_ms=3.0),
        no_hit("a fast typist", key_intervals=100, key_interval_mean_ms=95.0),
        unknown("nothing was typed", key_intervals=0, key_interval_mean_ms=None),
        unknown("an expanded phrase", key_intervals=12, key_interval_mean_ms=3.0),
    ),
)
