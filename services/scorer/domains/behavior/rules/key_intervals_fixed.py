"""Most keys come at the same interval as the one before, to the millisecond.

This is the evenness no finger has, seen early. Intervals of whole tenths of a second are left to the rule that waits
longer, since a clock clamped to 100 ms makes them of anyone's typing.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_FIXED",
    weight=0.85,
    message="Keys are pressed at intervals that are equal to the millisecond.",
    enough=(
        at_least("key_neighbours", 16, why="a few intervals are equal by chance"),
        at_most("key_interval_grid_share", 0.5, why="of whole tenths of a second, a clamped clock may be the cause"),
    ),
    when=(
        at_least("key_fixed_share", 0.6, why="3,939 sentences of 300 people reach 0.28, by a clock of 16.7 ms 0.36"),
    ),
    cases=(
        hit("a program with a fixed delay", key_neighbours=20, key_interval_grid_share=0.0, key_fixed_share=0.9),
        no_hit("a person", key_neighbours=20, key_interval_grid_share=0.02, key_fixed_share=0.03),
        unknown("nothing was typed", key_neighbours=0, key_interval_grid_share=None, key_fixed_share=None),
        unknown("a short word", key_neighbours=4, key_interval_grid_share=0.0, key_fixed_share=0.7),
        unknown("a clamped clock", key_neighbours=20, key_interval_grid_share=1.0, key_fixed_share=0.9),
    ),
)
