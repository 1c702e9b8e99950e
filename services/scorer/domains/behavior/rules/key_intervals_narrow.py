"""Keys come within a narrow band of intervals, however random they look.

Text has easy and hard letters, words begin and thoughts pause, so a longer text spreads intervals widely. Programs
that add a little randomness to a delay stay close to it. The widest tenths are left out, so that pauses hide nothing.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_NARROW",
    weight=0.85,
    message="The intervals between keys vary far less than text makes them vary.",
    enough=(
        at_least("key_intervals", 40, why="a few words may be this even, a sentence is not"),
        at_least("key_interval_median_ms", 40, why="what is faster is judged apart: it may be an honest machine's"),
        at_most("key_tied_share", 0.05, why="at this, a clock of 100 ms hides a fast typist's variation"),
    ),
    when=(
        at_most("key_interval_range", 0.48, why="1,500 texts of 300 people stay above 0.58, by a 100 ms clock 0.49"),
    ),
    cases=(
        hit(
            "a delay with a little randomness",
            key_intervals=120,
            key_interval_median_ms=130.0,
            key_tied_share=0.0,
            key_interval_range=0.35,
        ),
        no_hit("a person", key_intervals=120, key_interval_median_ms=130.0, key_tied_share=0.0, key_interval_range=1.4),
        unknown(
            "nothing was typed",
            key_intervals=0,
            key_interval_median_ms=None,
            key_tied_share=None,
            key_interval_range=None,
        ),
        unknown(
            "a few words", key_intervals=20, key_interval_median_ms=130.0, key_tied_share=0.0, key_interval_range=0.4
        ),
        unknown("dictation", key_intervals=120, key_interval_median_ms=8.0, key_tied_share=0.0, key_interval_range=0.2),
        unknown(
            "a coarse clock",
            key_intervals=120,
            key_interval_median_ms=130.0,
            key_tied_share=0.2,
            key_interval_range=0.4,
        ),
    ),
)
