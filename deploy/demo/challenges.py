"""A challenge of the shop's own: a question that takes reading. A real site would ask its challenge provider."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_KEPT: Final = 1_000
_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A question for the visitor, in plain words so that a screen reader can say it."""

    challenge_id: str
    question: str


class Challenges:
    """Questions asked and not yet answered, each of one session and good for one answer."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def ask(self, session_id: str) -> Challenge:
        """Ask a session something."""
        left, right = secrets.randbelow(8) + 2, secrets.randbelow(8) + 2
        challenge_id = secrets.token_urlsafe(16)
        self._open[challenge_id] = (session_id, left + right)
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return Challenge(challenge_id, f"How much is {_WORDS[left]} plus {_WORDS[right]}? Answer in digits.")

    def solved(self, challenge_id: str, session_id: str, answer: str) -> bool:
        """Tell whether an answer is right. Right or wrong, the question is spent."""
        asked = self._open.pop(challenge_id, None)
        return asked == (session_id, int(answer)) if answer.strip().isdecimal() else False
