"""The pointer turns left and right by turns, by far more than pixels explain.

Each point of a path with independent noise is off by itself, so every turn is taken back by the next: neighbouring
turns correlate at -0.5 and below. A hand goes on turning the way it turned. Rounding to pixels looks like noise too,
but makes small turns only.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_TURNS_ALTERNATE",
    weight=0.85,
    message="The pointer wavers from sample to sample, as a path with noise on it does.",
    enough=(at_least("pointer_fine_clear", 25, why="correlations of fewer are often this low by chance"),),
    when=(
        at_most("pointer_fine_turn_lag", -0.4, why="independent noise gives -0.5 and less"),
        at_least("pointer_fine_turn", 0.25, why="pixels turn clear steps by a tenth; none of 475 people meets both"),
    ),
    cases=(
        hit("a curve with noise", pointer_fine_clear=90, pointer_fine_turn_lag=-0.6, pointer_fine_turn=0.5),
        no_hit("a slow hand on whole pixels", pointer_fine_clear=90, pointer_fine_turn_lag=-0.5, pointer_fine_turn=0.1),
        no_hit("a hand drawing circles", pointer_fine_clear=90, pointer_fine_turn_lag=0.8, pointer_fine_turn=0.3),
        unknown("no pointer was moved", pointer_fine_clear=0, pointer_fine_turn_lag=None, pointer_fine_turn=None),
        unknown("a short movement", pointer_fine_clear=9, pointer_fine_turn_lag=-0.7, pointer_fine_turn=0.5),
    ),
)
