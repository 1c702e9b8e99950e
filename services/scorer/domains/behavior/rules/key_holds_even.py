"""Keys are held equally long.

Fingers differ in strength and reach, so holds vary by a tenth and more. Programs press and release by a timer. Holds
of some milliseconds are left out: keys on a screen send press and release together.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_HOLDS_EVEN",
    weight=0.5,
    message="Keys are all held equally long, as a program holds them.",
    enough=(
        at_least("key_dwells", 30, why="a few holds are alike by chance"),
        at_least("key_dwell_mean_ms", 20, why="keys on a screen are no keys one holds"),
        at_most("key_dwell_grid_share", 0.5, why="of whole tenths of a second, a clamped clock may be the cause"),
    ),
    when=(at_most("key_dwell_cv", 0.03, why="of 4,298 typed sentences the most even has 0.05, 0.1 % are below 0.09"),),
    cases=(
        hit("a fixed hold", key_dwells=60, key_dwell_mean_ms=50.0, key_dwell_grid_share=0.0, key_dwell_cv=0.01),
        no_hit("a person", key_dwells=60, key_dwell_mean_ms=105.0, key_dwell_grid_share=0.03, key_dwell_cv=0.27),
        unknown("no holds told", key_dwells=0, key_dwell_mean_ms=None, key_dwell_grid_share=None, key_dwell_cv=None),
        unknown("a word", key_dwells=6, key_dwell_mean_ms=50.0, key_dwell_grid_share=0.0, key_dwell_cv=0.01),
        unknown("a touch screen", key_dwells=60, key_dwell_mean_ms=2.0, key_dwell_grid_share=0.0, key_dwell_cv=0.02),
        unknown("a clamped clock", key_dwells=60, key_dwell_mean_ms=100.0, key_dwell_grid_share=1.0, key_dwell_cv=0.0),
    ),
)
