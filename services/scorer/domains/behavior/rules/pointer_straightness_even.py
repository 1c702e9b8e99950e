"""Every movement of the pointer is as straight as the others.

The ways of a hand differ: one is nearly straight, the next bends or corrects itself. Programs draw all of them with
one recipe. Mouse keys are always straight, but along eight directions only, and those tell nothing here.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_STRAIGHTNESS_EVEN",
    weight=0.4,
    message="Every movement of the pointer is as straight as the others.",
    enough=(
        at_least("pointer_stroke_strokes", 6, why="fewer are alike by chance too often"),
        at_least("pointer_steps", 20, why="off the eight directions of rulers and mouse keys"),
    ),
    when=(
        at_most(
            "pointer_stroke_straightness_spread", 0.012, why="people who draw circles get to 0.017, others to 0.04"
        ),
        at_least("pointer_stroke_straightness", 0.5, why="who draws circles ends each where it began"),
    ),
    cases=(
        hit(
            "straight from target to target",
            pointer_stroke_strokes=9,
            pointer_steps=90,
            pointer_stroke_straightness_spread=0.002,
            pointer_stroke_straightness=0.99,
        ),
        no_hit(
            "a hand",
            pointer_stroke_strokes=9,
            pointer_steps=90,
            pointer_stroke_straightness_spread=0.2,
            pointer_stroke_straightness=0.8,
        ),
        unknown(
            "mouse keys",
            pointer_stroke_strokes=9,
            pointer_steps=0,
            pointer_stroke_straightness_spread=0.0,
            pointer_stroke_straightness=1.0,
        ),
        unknown("no pointer was moved", pointer_stroke_strokes=0, pointer_steps=0),
    ),
)
