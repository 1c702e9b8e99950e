"""Keys come faster than fingers go.

The fastest typists keep up some 60 ms a key for a sentence. Text expanders, dictation and barcode scanners are faster
and honest, which is why this stops nobody by itself. Runs of nine presses are timed, so that a coarse clock cannot
make anyone look this fast.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_SHORT",
    weight=0.4,
    message="Keys are pressed faster than fingers go.",
    enough=(at_least("key_windows", 16, why="one expanded phrase is no typing"),),
    when=(at_least("key_fast_share", 0.5, why="of 4,298 typed sentences none has a single run at 45 ms a key"),),
    cases=(
        hit("a program without delay", key_windows=90, key_fast_share=1.0),
        no_hit("a fast typist", key_windows=90, key_fast_share=0.0),
        unknown("nothing was typed", key_windows=0, key_fast_share=None),
        unknown("an expanded phrase", key_windows=4, key_fast_share=1.0),
    ),
)
