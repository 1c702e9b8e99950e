"""Keys come at one beat.

People's intervals vary with the letters and the thought behind them. Programs type to a timer. Repeats of a key
held down are left out, and so are pauses over two seconds. Many presses at one time show a coarse clock, which makes
a fast typist look even; then this rule cannot tell.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_EVEN",
    weight=0.6,
    message="Keys are pressed at one beat, as a program types.",
    enough=(
        at_least("key_intervals", 24, why="short words can be typed evenly"),
        at_most("key_tied_share", 0.05, why="at this, a clock of 100 ms hides a fast typist's variation"),
    ),
    when=(at_most("key_interval_cv", 0.15, why="of 14,548 runs of 25 presses by 300 people the most even has 0.17"),),
    cases=(
        hit("a program with a fixed delay", key_intervals=100, key_tied_share=0.0, key_interval_cv=0.02),
        no_hit("a person", key_intervals=100, key_tied_share=0.0, key_interval_cv=0.6),
        unknown("nothing was typed", key_intervals=0, key_tied_share=None, key_interval_cv=None),
        unknown("a single word", key_intervals=6, key_tied_share=0.0, key_interval_cv=0.05),
        unknown("a coarse clock", key_intervals=100, key_tied_share=0.2, key_interval_cv=0.1),
    ),
)
