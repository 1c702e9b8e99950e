"""In a longer text, keys keep closer to their mean interval than any text lets them.

With every sentence there are more hard letters, more words to begin and more to think about, so the band widens. That
of a program stays as it was drawn. This tells wider bands than the rule on narrow ones, and later.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_TAME",
    weight=0.85,
    message="Over a longer text, the intervals between keys vary less than text makes them vary.",
    enough=(
        at_least("key_intervals", 120, why="below this, people's shortest texts come near"),
        at_least("key_interval_median_ms", 40, why="what is faster is judged apart: it may be an honest machine's"),
        at_most("key_tied_share", 0.05, why="at this, a clock of 100 ms hides a fast typist's variation"),
    ),
    when=(at_most("key_interval_range", 0.62, why="1,249 texts of 300 people have 0.67 after 100 keys, later 0.82"),),
    cases=(
        hit(
            "a delay with some randomness",
            key_intervals=200,
            key_interval_median_ms=130.0,
            key_tied_share=0.0,
            key_interval_range=0.55,
        ),
        no_hit(
            "a person",
            key_intervals=200,
            key_interval_median_ms=130.0,
            key_tied_share=0.0,
            key_interval_range=1.4,
        ),
        unknown(
            "nothing was typed",
            key_intervals=0,
            key_interval_median_ms=None,
            key_tied_share=None,
            key_interval_range=None,
        ),
        unknown(
            "a sentence",
            key_intervals=50,
            key_interval_median_ms=130.0,
            key_tied_share=0.0,
            key_interval_range=0.55,
        ),
        unknown(
            "a coarse clock",
            key_intervals=200,
            key_interval_median_ms=130.0,
            key_tied_share=0.2,
            key_interval_range=0.55,
        ),
    ),
)
