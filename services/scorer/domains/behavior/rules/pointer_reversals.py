"""The pointer turns back without braking.

A hand has mass: it slows down over several samples before it turns, even when it trembles or shakes the mouse (to
8 Hz). Noise that a program adds to its path to look alive has no mass. Only turns sampled every 20 ms or finer count.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="POINTER_REVERSALS",
    weight=0.55,
    message="The pointer turns back without braking, which a hand cannot.",
    enough=(at_least("pointer_turns", 10, why="less than this is a fifth of a second of movement"),),
    when=(
        at_least("pointer_reversal_share", 0.008, why="725 recordings stay under 0.001, a trembling hand at 0.006"),
        at_least("pointer_reversals", 3, why="one stray sample, as of a second pointer, makes two"),
    ),
    cases=(
        hit("random noise on a path", pointer_turns=80, pointer_reversals=4, pointer_reversal_share=0.05),
        no_hit("a hand's path", pointer_turns=300, pointer_reversals=0, pointer_reversal_share=0.0),
        no_hit("a stray sample", pointer_turns=70, pointer_reversals=2, pointer_reversal_share=0.029),
        no_hit("one glitch in a long session", pointer_turns=5000, pointer_reversals=1, pointer_reversal_share=0.0002),
        unknown("no pointer was moved", pointer_turns=0, pointer_reversal_share=None),
        unknown("too coarsely sampled to tell", pointer_turns=3, pointer_reversal_share=0.34),
    ),
)
