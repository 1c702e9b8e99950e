"""No key is pressed before the last one is released, though the typing is fast enough for it.

Hands press the next key while the last one is on its way up (rollover: Dhakal et al., 2018). Programs release one key
before they press the next. How many overlaps to expect follows from the session's own holds and intervals, so slow
typists, who have none, are not judged.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_OVERLAPS_MISSING",
    weight=0.55,
    message="Keys never overlap, though they are pressed too fast for that.",
    enough=(at_least("key_overlaps_expected", 10, why="fewer may be missing by chance or by habit"),),
    when=(at_most("key_overlap_ratio", 0.05, why="of 4,298 typed sentences and longer texts none is below 0.2"),),
    cases=(
        hit("press, release, press, release", key_overlaps_expected=24.0, key_overlap_ratio=0.0),
        no_hit("a person", key_overlaps_expected=24.0, key_overlap_ratio=1.05),
        unknown("no holds told", key_overlaps_expected=None, key_overlap_ratio=None),
        unknown("typing with two fingers", key_overlaps_expected=4.0, key_overlap_ratio=None),
    ),
)
