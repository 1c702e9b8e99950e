"""The pointer turns sharply in full motion, again and again.

What has mass turns in a bow. Sharp turns between clear steps come from noise that is added to a path, or from points
drawn at random. A tremor takes 80 ms and more for one swing, so a trembling hand turns in bows too, where it is
sampled finely enough to see them.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_TURNS_SHARP",
    weight=0.85,
    message="The pointer turns sharply in full motion, as a path with noise on it does.",
    enough=(
        at_least("pointer_fine_clear", 25, why="fewer are a shake of the hand"),
        at_most("pointer_interval_ms", 30, why="slower recorders leave out the bow in which a trembling hand turns"),
    ),
    when=(at_least("pointer_fine_sharp_share", 0.15, why="518 recordings of people reach 0.06 at most"),),
    cases=(
        hit(
            "random steps towards a target",
            pointer_fine_clear=120,
            pointer_interval_ms=16,
            pointer_fine_sharp_share=0.4,
        ),
        no_hit("a hand's path", pointer_fine_clear=120, pointer_interval_ms=16, pointer_fine_sharp_share=0.0),
        unknown("no pointer was moved", pointer_fine_clear=0, pointer_interval_ms=None, pointer_fine_sharp_share=None),
        unknown("a slow recorder", pointer_fine_clear=90, pointer_interval_ms=40, pointer_fine_sharp_share=0.3),
        unknown("a short movement", pointer_fine_clear=12, pointer_interval_ms=16, pointer_fine_sharp_share=0.25),
    ),
)
