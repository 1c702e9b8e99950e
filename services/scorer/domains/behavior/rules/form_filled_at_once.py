"""Fields of a form are typed, it says, several within a moment.

To type in the next field one has to go there: 0.1 s for the key alone (Card, Moran and Newell, 1980). What a browser
or a password manager fills in at once is no typing and does not count.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="FORM_FILLED_AT_ONCE",
    weight=0.4,
    message="Several form fields were typed at the same moment.",
    enough=(at_least("form_typed_moves", 4, why="a page may split what is typed into a field or two more"),),
    when=(at_least("form_instant_share", 0.75, why="nobody types two fields within 50 ms, let alone most of a form"),),
    cases=(
        hit("a script fills a form", form_typed_moves=7, form_instant_share=1.0),
        no_hit("a person", form_typed_moves=7, form_instant_share=0.0),
        unknown("a password manager", form_typed_moves=0, form_instant_share=None),
        unknown("a short form", form_typed_moves=2, form_instant_share=1.0),
    ),
)
