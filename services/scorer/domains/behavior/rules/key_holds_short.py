"""Keys are let go in the moment they are pressed.

A finger needs some 50 ms and more to press a key and let it go. Tools that type send both at once, or wait for a few
milliseconds. Keyboards on touch screens do the same, so sessions with touches are left out; so do dictation and text
expanders, so this asks for a challenge at most by itself.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_HOLDS_SHORT",
    weight=0.55,
    message="Keys are let go in the moment they are pressed.",
    enough=(
        at_most("touches", 0, why="keyboards on touch screens tell no holds"),
        at_least("key_dwells", 12, why="a few odd holds, or one expanded word, are no evidence"),
    ),
    when=(at_most("key_dwell_mean_ms", 20.0, why="5,700 recordings of 382 people never come under 48"),),
    cases=(
        hit("a tool that types", touches=0, key_dwells=40, key_dwell_mean_ms=0.5),
        no_hit("a person", touches=0, key_dwells=40, key_dwell_mean_ms=95.0),
        unknown("a phone", touches=9, key_dwells=40, key_dwell_mean_ms=0.5),
        unknown("a word", touches=0, key_dwells=4, key_dwell_mean_ms=0.5),
        unknown("nothing was typed", touches=0, key_dwells=0, key_dwell_mean_ms=None),
    ),
)
