"""Keys come within 20 ms of each other, one after the other.

That is a fourth of what the fastest fingers need, so it adds to the suspicion of keys that come too fast. By itself it
stops nobody: text expanders, dictation and barcode scanners are as fast.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_INTERVALS_INSTANT",
    weight=0.3,
    message="Keys are pressed within 20 ms of each other.",
    enough=(at_least("key_windows", 16, why="one expanded phrase is no typing"),),
    when=(
        at_least("key_instant_share", 0.5, why="of 4,298 typed sentences the fastest nine presses take 55 ms a key"),
    ),
    cases=(
        hit("a program without delay", key_windows=90, key_instant_share=1.0),
        no_hit("a fast typist", key_windows=90, key_instant_share=0.0),
        unknown("nothing was typed", key_windows=0, key_instant_share=None),
        unknown("an expanded phrase", key_windows=4, key_instant_share=1.0),
    ),
)
