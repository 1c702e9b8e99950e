"""The delivery books: each record the broker took has an outcome, waits for one, or is unaccounted for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

Partition = tuple[str, int]  # topic and partition number


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What PostgreSQL's books say of one partition: offsets ``[first_offset, next_offset)`` have an outcome."""

    first_offset: int
    next_offset: int
    persisted: int
    duplicates: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the broker holds of one partition: offsets ``[beginning, end)``."""

    beginning: int
    end: int


@dataclass(slots=True)
class TopicBooks:
    """One topic's books, in records: ``accepted = persisted + duplicates + rejected + in_flight + unaccounted``."""

    accepted: int = 0
    persisted: int = 0
    duplicates: int = 0
    rejected: int = 0
    in_flight: int = 0
    unaccounted: int = 0


def balance(bounds: Mapping[Partition, Bounds], outcomes: Mapping[Partition, Outcomes]) -> dict[str, TopicBooks]:
    """Balance the books of every topic the broker has.

    Read a partition's beginning before its outcomes and its end after them: then what happens in between cannot make
    a false difference.

    ``unaccounted`` is above 0 when offsets were passed without an outcome or left the broker (retention) before they
    had one; below 0 when the broker lost records that have a row.
    """
    books: dict[str, TopicBooks] = {}
    for (topic, number), held in bounds.items():
        told = outcomes.get((topic, number)) or Outcomes(held.beginning, held.beginning, 0, 0, 0)
        accounted = told.persisted + told.duplicates + told.rejected
        accepted = held.end - told.first_offset
        in_flight = max(0, held.end - max(told.next_offset, held.beginning))
        topic_books = books.setdefault(topic, TopicBooks())
        topic_books.accepted += accepted
        topic_books.persisted += told.persisted
        topic_books.duplicates += told.duplicates
        topic_books.rejected += told.rejected
        topic_books.in_flight += in_flight
        topic_books.unaccounted += accepted - accounted - in_flight
    return books


@dataclass(frozen=True, slots=True)
class Scoring:
    """A domain's batches in a span of time, by what both consumers made of them; redriven letters are not counted.

    ``rows_refused`` are the persister's dead letters but for those about a batch id that another batch has;
    ``scores_refused`` the scorer's.
    """

    batches: int = 0
    verdicts: int = 0
    rows_refused: int = 0
    scores_refused: int = 0

    @property
    def unscored(self) -> int:
        """How many batches neither have a verdict nor were refused by the scorer.

        Both consumers read the same records, so stored and refused rows are as many as verdicts and refused scores. A
        refused batch that its client sent again counts twice on the scorer's side and can hide one.

        >>> Scoring(batches=9, verdicts=7, rows_refused=1, scores_refused=2).unscored
        1
        """
        return self.batches + self.rows_refused - self.verdicts - self.scores_refused


def top_or_other(counts: Mapping[str, int], keep: int, other: str) -> dict[str, str]:
    """Map each name to itself when it is among the `keep` largest, else to `other`: bounded labels.

    >>> top_or_other({"a": 5, "b": 9, "c": 1}, keep=2, other="_other")
    {'a': 'a', 'b': 'b', 'c': '_other'}
    """
    kept = set(sorted(counts, key=lambda name: (-counts[name], name))[:keep])
    return {name: name if name in kept else other for name in counts}
