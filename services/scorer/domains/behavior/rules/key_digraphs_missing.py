"""Intervals have nothing to do with what is typed.

A letter that begins a word, a space, a correction: each takes people another time. A program that draws its intervals
from a bag, even a bag of human ones, draws them without looking at the text. It takes a longer text to be sure. Columns
of numbers have little of this and are not judged.
"""

from services.scorer.rules import Rule, at_least, at_most, hit, no_hit, unknown

RULE = Rule(
    reason="KEY_DIGRAPHS_MISSING",
    weight=0.3,
    message="The time between keys has nothing to do with which kinds of keys they are.",
    enough=(
        at_least("key_digraphs", 250, why="below this, chance hides the effect in some people's typing"),
        at_least("key_letter_share", 0.4, why="the effect is one of words: 300 people's texts have 0.43 and more"),
    ),
    when=(at_most("key_digraph_effect", 0.005, why="the texts of 300 people have more, also by clamped clocks"),),
    cases=(
        hit("intervals drawn from a bag", key_digraphs=400, key_letter_share=0.7, key_digraph_effect=0.0),
        no_hit("a person", key_digraphs=400, key_letter_share=0.7, key_digraph_effect=0.25),
        unknown("nothing was typed", key_digraphs=0, key_letter_share=None, key_digraph_effect=None),
        unknown("a sentence", key_digraphs=50, key_letter_share=0.7, key_digraph_effect=-0.02),
        unknown("columns of numbers", key_digraphs=400, key_letter_share=0.0, key_digraph_effect=0.0),
        unknown("the client tells no classes", key_digraphs=400, key_letter_share=0.0, key_digraph_effect=None),
    ),
)
