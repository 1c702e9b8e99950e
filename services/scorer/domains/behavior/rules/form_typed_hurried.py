"""Fields are typed, it says, with nobody's keys and faster than anybody types or speaks.

The fastest typists keep up some 60 ms a key. Dictation and text expanders press no keys either, but somebody has to say
or choose the text of each field first. Whoever corrects what stands in a field already uses keys. Keyboards on screens
put in whole words at a touch: who touches the screen is left out.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="FORM_TYPED_HURRIED",
    weight=0.4,
    message="Several form fields were typed without keys, faster than anybody types or speaks.",
    enough=(
        at_most("touches", 0, why="a keyboard on the screen tells no keys, and offers names and addresses whole"),
        at_least("form_typed_moves", 4, why="a page may split what is typed into a field or two more"),
    ),
    when=(
        at_least("form_hurried_share", 0.5, why="a short field may be chosen from a list at a touch"),
        at_most("key_presses", 5, why="one or two fields may be left or sent by a key"),
    ),
    cases=(
        hit(
            "a tool clicks fields and inserts texts",
            touches=0,
            form_typed_moves=5,
            form_hurried_share=1.0,
            key_presses=0,
        ),
        no_hit("somebody dictates", touches=0, form_typed_moves=5, form_hurried_share=0.0, key_presses=0),
        no_hit(
            "somebody corrects a filled form", touches=0, form_typed_moves=5, form_hurried_share=0.6, key_presses=12
        ),
        unknown("a password manager", touches=0, form_typed_moves=0, form_hurried_share=None, key_presses=0),
        unknown("a phone", touches=9, form_typed_moves=5, form_hurried_share=1.0, key_presses=0),
        unknown("a short form", touches=0, form_typed_moves=2, form_hurried_share=1.0, key_presses=0),
    ),
)
