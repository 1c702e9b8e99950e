"""The pointer is seen at far places once each, with nothing in between.

A mouse on its way is seen several times even by a recorder of ten samples a second. Fingers leap, and browsers tell of
them as of a mouse too: who touches the screen is left out. Voice control leaps as well, so this asks for a challenge
at most by itself.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_LEAPS",
    weight=0.55,
    message="The pointer leaps from place to place without a way between.",
    enough=(
        at_most("touches", 0, why="a finger is here and there without a way between"),
        at_least("pointer_stroke_leaps", 2, why="a lost sample or a warped pointer explains one"),
    ),
    when=(at_least("pointer_stroke_leap_share", 0.6, why="1,355 recordings of people reach 0.2 at most"),),
    cases=(
        hit("a program that points and waits", touches=0, pointer_stroke_leaps=9, pointer_stroke_leap_share=1.0),
        no_hit("leaps among movements", touches=0, pointer_stroke_leaps=9, pointer_stroke_leap_share=0.2),
        unknown("no pointer was moved", touches=0, pointer_stroke_leaps=0, pointer_stroke_leap_share=None),
        unknown("a phone", touches=9, pointer_stroke_leaps=9, pointer_stroke_leap_share=1.0),
        unknown("a single leap", touches=0, pointer_stroke_leaps=1, pointer_stroke_leap_share=1.0),
    ),
)
