"""Ten keys in a row come at the same interval to the millisecond.

This is the evenness no finger has, seen early. Intervals of whole tenths of a second are left to the rule that waits
longer, since a clock clamped to 100 ms makes them of anyone's typing.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_FIXED",
    weight=0.55,
    message="Keys are pressed at intervals that are equal to the millisecond.",
    enough=(
        at_least("key_intervals", 10, why="a few intervals are equal by chance"),
        at_most("key_interval_grid_share", 0.5, why="of whole tenths of a second, a clamped clock may be the cause"),
    ),
    when=(at_most("key_interval_sd_ms", 2, why="of 55,755 runs of 11 presses by 300 people the most even has 9.6 ms"),),
    cases=(
        hit("a program with a fixed delay", key_intervals=12, key_interval_grid_share=0.0, key_interval_sd_ms=0.4),
        no_hit("a person", key_intervals=12, key_interval_grid_share=0.02, key_interval_sd_ms=70.0),
        unknown("nothing was typed", key_intervals=0, key_interval_grid_share=None, key_interval_sd_ms=None),
        unknown("a short word", key_intervals=4, key_interval_grid_share=0.0, key_interval_sd_ms=1.0),
        unknown("a clamped clock", key_intervals=12, key_interval_grid_share=1.0, key_interval_sd_ms=0.0),
    ),
)
