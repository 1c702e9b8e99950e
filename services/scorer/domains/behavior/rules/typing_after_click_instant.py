"""Keys follow clicks of the mouse at once.

A hand takes 0.4 s from the mouse to the keys (Card, Moran and Newell, 1980). Tools click a field and type in the next
moment. The other hand may wait at the keys, as in games, so it takes several clicks and most of them.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="TYPING_AFTER_CLICK_INSTANT",
    weight=0.4,
    message="Typing begins at the very moment of the click.",
    enough=(at_least("mix_hand_switches", 4, why="a hand already at the keys explains some"),),
    when=(
        at_least("mix_instant_switch_share", 0.75, why="80 ms is a fifth of the time a hand needs, and most are so"),
    ),
    cases=(
        hit("a tool clicks and types", mix_hand_switches=6, mix_instant_switch_share=1.0),
        no_hit("a person", mix_hand_switches=6, mix_instant_switch_share=0.0),
        unknown("only keys, or only a mouse", mix_hand_switches=0, mix_instant_switch_share=None),
        unknown("one field", mix_hand_switches=1, mix_instant_switch_share=1.0),
    ),
)
