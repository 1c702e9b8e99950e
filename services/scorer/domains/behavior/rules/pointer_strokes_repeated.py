"""The pointer makes the same movement again and again.

No two movements of a hand have one shape, speed profile included. Programs that replay a recording or a formula
repeat theirs, turned and scaled to the next target.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_STROKES_REPEATED",
    weight=0.4,
    message="The pointer makes the same movement again and again.",
    enough=(
        at_least("pointer_stroke_strokes", 7, why="fewer are alike by chance too often"),
        at_least("pointer_steps", 20, why="off the eight directions, along which mouse keys repeat themselves"),
    ),
    when=(at_least("pointer_stroke_repeat_share", 0.5, why="542 sessions of people with as many reach 0.4 at most"),),
    cases=(
        hit(
            "one recording, replayed",
            pointer_stroke_strokes=12,
            pointer_steps=60,
            pointer_stroke_repeat_share=0.9,
        ),
        no_hit("a hand", pointer_stroke_strokes=12, pointer_steps=60, pointer_stroke_repeat_share=0.0),
        unknown("few movements", pointer_stroke_strokes=3, pointer_steps=60, pointer_stroke_repeat_share=None),
        unknown("mouse keys", pointer_stroke_strokes=12, pointer_steps=0, pointer_stroke_repeat_share=0.8),
    ),
)
