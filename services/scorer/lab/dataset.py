"""Features of sessions after every batch: computed once, then judged by any number of models."""

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from services.scorer.features import DomainFeatures, Features
from services.scorer.lab.augment import other_recorder
from services.scorer.lab.batching import batches_of
from services.scorer.lab.corpus import Origin, Sample
from services.scorer.lab.sessions import Session
from shared.contracts.batch import event_count

# After how many events a session is learned from: each prefix is a session somebody might have ended there.
LEARNED_AFTER: Final = (30, 100, 400)
# Who did less than this is neither told from people nor called one.
_JUDGED_FROM: Final = 10
SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Prefixes:
    """A session's features after each batch.

    ``copy`` is 0 for the session as it was recorded. ``counts`` are the events seen by then, ``rows`` the features in
    the order of their names, NaN when missing.
    """

    origin: Origin
    copy: int
    counts: NDArray[np.int64]
    rows: NDArray[np.float64]

    def features(self, index: int, names: Sequence[str]) -> Features:
        """Give one row as rules and models read it."""
        return {
            name: None if value != value else value
            for name, value in zip(names, self.rows[index].tolist(), strict=True)
        }

    def learned(self) -> list[int]:
        """Choose the rows to learn from: the last at or under each size, and the last of all."""
        found = np.searchsorted(self.counts, LEARNED_AFTER, side="right") - 1
        chosen = {int(index) for index in found if index >= 0} | {len(self.counts) - 1}
        return sorted(
            index for index in chosen if self.counts[index] >= LEARNED_AFTER[0] or index == len(self.counts) - 1
        )


def prefixes_of(
    session: Session, origin: Origin, copy: int, domain: DomainFeatures, names: list[str]
) -> Prefixes | None:
    """Fold a session batch by batch; None when it holds too few events to be judged."""
    state, counts, rows, seen = domain.new(), [], [], 0
    for batch in batches_of(session):
        state.observe(batch)
        seen += event_count(batch)
        values = state.values()
        counts.append(seen)
        rows.append([np.nan if (value := values[name]) is None else float(value) for name in names])
    if seen < _JUDGED_FROM:
        return None
    return Prefixes(origin, copy, np.array(counts), np.array(rows))


def table_of(samples: Iterable[Sample], total: int, copies: int, domain: DomainFeatures) -> list[Prefixes]:
    """Fold samples, each also as ``copies`` other recorders would have written it; shows progress."""
    names, found = list(domain.table), []
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("features of sessions", total=total)
        for number, sample in enumerate(samples):
            for copy, session in enumerate(_copies(sample, number, copies)):
                prefixes = prefixes_of(session, sample.origin, copy, domain, names)
                if prefixes is not None:
                    found.append(prefixes)
            progress.advance(task)
    return found


def _copies(sample: Sample, number: int, copies: int) -> Iterator[Session]:
    yield sample.session
    chance = random.Random(SEED * 1_000_003 + number)
    for _ in range(copies if sample.origin.learn else 0):
        yield other_recorder(sample.session, chance)
