"""Neither the time between keys nor how long they are held has to do with which kinds of keys they are.

Thumbs hold the space bar in their own way, words begin late, corrections come after a thought. A program that draws
its times from a bag, even from a bag of human ones, draws them without looking at the text. One of the two may be
missing in somebody's typing; both hardly ever are. Columns of numbers are not judged.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_TEXT_IGNORED",
    weight=0.4,
    message="Neither the time between keys nor how long they are held has to do with what is typed.",
    enough=(
        at_least("key_digraphs", 200, why="below this, chance hides both in a few people's typing"),
        at_least("key_letter_share", 0.4, why="both effects are of words: 300 people's texts have 0.43 and more"),
        at_most("key_dwell_grid_share", 0.5, why="a clock of 100 ms hides how holds differ"),
    ),
    when=(
        at_most("key_digraph_effect", 0.015, why="of 600 texts, looked at after every sixth key, none has"),
        at_most("key_hold_effect", 0.01, why="less than both; chance gives about 0 for each"),
    ),
    cases=(
        hit(
            "times drawn from a bag",
            key_digraphs=240,
            key_letter_share=0.7,
            key_dwell_grid_share=0.02,
            key_digraph_effect=0.0,
            key_hold_effect=-0.003,
        ),
        no_hit(
            "a person",
            key_digraphs=240,
            key_letter_share=0.7,
            key_dwell_grid_share=0.02,
            key_digraph_effect=0.25,
            key_hold_effect=0.08,
        ),
        no_hit(
            "a person with even thumbs",
            key_digraphs=240,
            key_letter_share=0.7,
            key_dwell_grid_share=0.02,
            key_digraph_effect=0.25,
            key_hold_effect=0.0,
        ),
        unknown(
            "the client tells no holds",
            key_digraphs=240,
            key_letter_share=0.7,
            key_dwell_grid_share=None,
            key_digraph_effect=0.0,
            key_hold_effect=None,
        ),
        unknown(
            "columns of numbers",
            key_digraphs=240,
            key_letter_share=0.0,
            key_dwell_grid_share=0.02,
            key_digraph_effect=0.0,
            key_hold_effect=0.0,
        ),
        unknown(
            "a clamped clock",
            key_digraphs=240,
            key_letter_share=0.7,
            key_dwell_grid_share=1.0,
            key_digraph_effect=0.0,
            key_hold_effect=0.0,
        ),
    ),
)
