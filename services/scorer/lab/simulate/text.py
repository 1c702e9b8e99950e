"""Texts that nobody wrote: which key follows which, so that typing has the structure of words."""

from dataclasses import dataclass
from typing import Final

from services.scorer.lab.simulate.motion import Rng

_WORDS: Final = (
    "the of and to in is that for it as was with be by on not but at are this have from or had an they which one you "
    "were all there would their we been has when who will more no if out so said what up its about into than them can "
    "only other new some could time these two may then do first any my now such like our over even most made after "
    "also did many before must through please thank order street number address little people because between"
).split()
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FINGER_OF_COLUMN: Final = (0, 1, 2, 3, 3, 4, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key to press: its class, and the letter's name where it is one."""

    key_class: str
    letter: str = ""


def draw_text(rng: Rng, length: int) -> list[Stroke]:
    """Draw words, some with capitals, digits and punctuation, of about this many keys."""
    keys: list[Stroke] = []
    numeric = rng.random() < 0.15
    while len(keys) < length:
        if keys:
            keys.append(Stroke("space"))
        if numeric or rng.random() < 0.06:
            keys += [Stroke("digit", str(digit)) for digit in rng.integers(0, 10, int(rng.integers(2, 6)))]
            continue
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        if rng.random() < 0.1:
            keys.append(Stroke("modifier"))
        keys += [Stroke("letter", letter) for letter in word]
        if rng.random() < 0.12:
            keys.append(Stroke("punctuation"))
    return keys[: max(2, length)]


def finger(letter: str) -> int:
    """Give the finger that types a letter, 0 to 7 from left to right; thumbs are -1."""
    for row in _ROWS:
        if letter in row:
            return _FINGER_OF_COLUMN[row.index(letter)]
    if letter.isdigit():
        return _FINGER_OF_COLUMN[(int(letter) - 1) % 10]
    return -1
