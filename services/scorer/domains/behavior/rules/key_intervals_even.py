"""Keys come at one beat.

People's intervals vary with the letters and the thought behind them. Programs type to a timer, with a pause here and
there. Each interval is held against the one before, so that a pause hides nothing. Many presses at one time show a
coarse clock, which makes a fast typist look even; then this rule cannot tell.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_EVEN",
    weight=0.85,
    message="Keys are pressed at one beat, as a program types.",
    enough=(
        at_least("key_neighbours", 27, why="short words can be typed evenly"),
        at_most("key_tied_share", 0.05, why="at this, a clock of 100 ms hides a fast typist's variation"),
    ),
    when=(at_least("key_even_share", 0.93, why="3,939 sentences of 300 people reach 0.54, by a clock of 100 ms 0.78"),),
    cases=(
        hit("a program with a fixed delay", key_neighbours=100, key_tied_share=0.0, key_even_share=0.97),
        no_hit("a person", key_neighbours=100, key_tied_share=0.0, key_even_share=0.18),
        unknown("nothing was typed", key_neighbours=0, key_tied_share=None, key_even_share=None),
        unknown("a single word", key_neighbours=6, key_tied_share=0.0, key_even_share=1.0),
        unknown("a coarse clock", key_neighbours=100, key_tied_share=0.2, key_even_share=0.95),
    ),
)
