"""What to do with the batches of a refused request: send the good ones again, drop only the bad. Pure."""

from dataclasses import dataclass, field
from typing import Final

from telltale._buffer import Batch
from telltale._models import Problem
from telltale._wire import batch_indexes, item_indexes

_TOO_LARGE: Final = 413
_INVALID: Final = frozenset({400, 422})
# A server may name one bad item at a time; a batch that is bad all over shall not cost a request for each.
_MENDINGS_WHOLE: Final = 4  # then it is halved each time: what is good all over gets through at once
_MAX_MENDINGS: Final = 64
# Refusals for what a batch holds: the server decides on them before it takes anything.
_OF_CONTENT: Final = frozenset({"invalid_batch", "malformed_body"})
# A check that a batch may pass at one time and fail at another.
_BY_THE_CLOCK: Final = frozenset({"clock_skew"})


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests to send instead, in order, and batches to give up."""

    resend: list[list[Batch]] = field(default_factory=list)
    drop: list[Batch] = field(default_factory=list)


def plan_after(batches: list[Batch], problem: Problem) -> Plan:
    """Decide on the batches of a request that was refused whole.

    Every plan has smaller requests than the one refused, so there is an end.
    """
    if problem.status == _TOO_LARGE:
        return _halved(batches) if len(batches) > 1 else _parted(batches[0])
    if problem.status not in _INVALID:
        return Plan(drop=batches)
    return _without_bad_batches(batches, problem) if len(batches) > 1 else _without_bad_items(batches[0], problem)


def _halved(batches: list[Batch]) -> Plan:
    middle = len(batches) // 2
    return Plan(resend=[batches[:middle], batches[middle:]])


def _parted(batch: Batch) -> Plan:
    # New ids: only when it is sure that the server does not have the old one.
    if batch.uncertain or len(batch.items) < 2:
        return Plan(drop=[batch])
    middle = len(batch.items) // 2
    first, second = batch.parted(batch.items[:middle], batch.items[middle:])
    return Plan(resend=[[first], [second]])


def _without_bad_batches(batches: list[Batch], problem: Problem) -> Plan:
    bad = {index for index in batch_indexes(problem) if index < len(batches)}
    if not bad:
        return _halved(batches)  # it does not say which: find out
    good = [batch for index, batch in enumerate(batches) if index not in bad]
    # A bad batch goes alone, where its bad items can be told from the good.
    alone = [[batches[index]] for index in sorted(bad)]
    return Plan(resend=([good] if good else []) + alone)


def _without_bad_items(batch: Batch, problem: Problem) -> Plan:
    """Take out the items named; the rest leaves under new ids, if the server surely does not have the old one."""
    bad_places = item_indexes(problem)
    places = _places(batch)
    bad = [item for item, place in zip(batch.items, places, strict=True) if place in bad_places]
    good = [item for item, place in zip(batch.items, places, strict=True) if place not in bad_places]
    if _was_never_valid(problem):
        batch.uncertain = False  # the server never took it
    if not bad or not good or batch.uncertain or batch.root.mended >= _MAX_MENDINGS:
        return Plan(drop=[batch])
    batch.root.mended += 1
    middle = 0 if batch.root.mended <= _MENDINGS_WHOLE else len(good) // 2
    bad_part, *good_parts = batch.parted(bad, *(part for part in (good[:middle], good[middle:]) if part))
    return Plan(resend=[[part] for part in good_parts], drop=[bad_part])


def _was_never_valid(problem: Problem) -> bool:
    """Tell whether what is wrong now was wrong from the start."""
    by_the_clock = {error.code for error in problem.errors} & _BY_THE_CLOCK
    return problem.code in _OF_CONTENT and bool(problem.errors) and not by_the_clock


def _places(batch: Batch) -> list[tuple[bool, int]]:
    """Tell where each item stands in the request: (is a track, index among its kind)."""
    counts = {True: 0, False: 0}
    places = []
    for item in batch.items:
        places.append((item.is_track, counts[item.is_track]))
        counts[item.is_track] += 1
    return places
