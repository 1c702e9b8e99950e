"""Fold stored batches again and compare what comes of it with a stored verdict, field by field. Pure.

The session is folded from nothing, as the scorer did: its own count of batches tells the order. That is the order on
Kafka, but for a batch that was sent on again, which was judged later than its row says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from services.scorer.pipeline import SESSION_IDLE, Ruleset, ScoredInput, SubjectState, fold
from shared.contracts.base import ContractError
from shared.contracts.batch import decode_batch, event_count
from shared.contracts.verdict import Verdict
from shared.topics import Domain

_ABSENT: Final = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict's row. ``seen_before_at`` is when its subject was last seen in an earlier session; None is never."""

    tenant_id: str
    domain: str
    subject_type: str
    subject_id: str
    document: str
    session_started_at: datetime
    seen_before_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A batch's row beside its verdict's: its place in the session from 1 on, and the versions that judged it there.

    ``received_at`` is the stamp of the copy that was judged, ``stored_received_at`` of the one that is stored. The last
    three are None when no copy is stored.
    """

    place: int
    versions: dict[str, Any]
    received_at: datetime
    stored_received_at: datetime | None
    clock_skew_ms: int | None
    payload: str | None


class Result(StrEnum):
    """What replaying a verdict comes to."""

    SAME = "same"
    DIFFERENT = "different"
    VERSIONS_DIFFER = "versions differ"
    INCOMPLETE = "incomplete"


class Began(StrEnum):
    """Why the session began where it did."""

    FIRST_SEEN = "first seen"
    IDLE = "after idle time"
    FORGOTTEN = "the scorer had dropped the earlier state"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that did not come out as stored; ``field`` is a JSON pointer."""

    field: str
    stored: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome. ``why`` tells what is missing when it is incomplete; then nothing was compared."""

    result: Result
    batches: int
    events: int
    began: Began
    stored_versions: dict[str, Any]
    current_versions: dict[str, Any] | None
    differences: tuple[Difference, ...] = ()
    why: str = ""


class Incomplete(Exception):
    """The stored batches are not those that were judged: nothing can be proven."""


class Refold:
    """Folds the batches of one verdict's session, one by one.

    Parameters
    ----------
    verdict
        The verdict to come to.
    ruleset
        Of its domain, as it is now.
    """

    def __init__(self, verdict: StoredVerdict, ruleset: Ruleset) -> None:
        self._stored = verdict
        self._document: dict[str, Any] = msgspec.json.decode(verdict.document)
        self._ruleset = ruleset
        self._state: SubjectState | None = None
        self._last: Verdict | None = None
        self._versions: list[dict[str, Any]] = []  # that judged so far, each once
        self.batches = 0
        self.events = 0

    def add(self, batch: StoredBatch) -> None:
        """Fold the next batch.

        Raises
        ------
        Incomplete
            It is not the next one, is not stored, or can no longer be read.
        """
        item = self._input(batch)
        folded = fold(self._state, item, self._ruleset)
        self._state, self._last = folded.state, folded.verdict
        self.batches += 1
        self.events += event_count(item.batch)
        if batch.versions not in self._versions:
            self._versions.append(batch.versions)

    def finish(self) -> Replay:
        """Compare the last verdict with the stored one."""
        expected = self._document["session"]["batch_count"]
        if self._last is None or self.batches < expected:
            return self.incomplete(f"batch {self.batches + 1} of {expected} has no stored verdict")
        fresh: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self._last))
        found = tuple(differences(self._document, fresh))
        current = fresh["versions"]
        if self._versions != [current] or self._document["versions"] != current:
            result = Result.VERSIONS_DIFFER
        else:
            result = Result.DIFFERENT if found else Result.SAME
        return self._replay(result, current, found)

    def incomplete(self, why: str) -> Replay:
        """Give up."""
        return self._replay(Result.INCOMPLETE, None, (), why)

    def _input(self, batch: StoredBatch) -> ScoredInput:
        if batch.place != self.batches + 1:
            raise Incomplete(f"batch {self.batches + 1} has no stored verdict")
        if batch.payload is None or batch.clock_skew_ms is None:
            raise Incomplete(f"batch {batch.place} is not stored, or past its days")
        if batch.stored_received_at != batch.received_at:
            raise Incomplete(f"of batch {batch.place} another copy was judged than is stored")
        try:
            decoded = decode_batch(batch.payload.encode())
        except ContractError as error:
            raise Incomplete(f"batch {batch.place} is no longer taken: {error.code} at {error.pointer}") from error
        stored = self._stored
        return ScoredInput(stored.tenant_id, Domain(stored.domain), batch.received_at, batch.clock_skew_ms, decoded)

    def _replay(
        self, result: Result, current: dict[str, Any] | None, found: tuple[Difference, ...], why: str = ""
    ) -> Replay:
        stored = self._document["versions"]
        return Replay(result, self.batches, self.events, _began(self._stored), stored, current, found, why)


def differences(stored: Any, replayed: Any, pointer: str = "") -> Iterator[Difference]:
    """Compare two JSON values; numbers are equal only when they are exactly so.

    >>> list(differences({"a": [1, 2], "b": 3}, {"a": [1, 5], "b": 3}))
    [Difference(field='/a/1', stored=2, replayed=5)]
    """
    if isinstance(stored, dict) and isinstance(replayed, dict):
        for name in sorted(stored.keys() | replayed.keys()):
            yield from differences(stored.get(name, _ABSENT), replayed.get(name, _ABSENT), f"{pointer}/{name}")
    elif isinstance(stored, list) and isinstance(replayed, list):
        for index in range(max(len(stored), len(replayed))):
            ours, theirs = (values[index] if index < len(values) else _ABSENT for values in (stored, replayed))
            yield from differences(ours, theirs, f"{pointer}/{index}")
    elif type(stored) is not type(replayed) or stored != replayed:
        yield Difference(pointer, stored, replayed)


def _began(verdict: StoredVerdict) -> Began:
    if verdict.seen_before_at is None:
        return Began.FIRST_SEEN
    idle = verdict.session_started_at - verdict.seen_before_at
    return Began.IDLE if idle > SESSION_IDLE else Began.FORGOTTEN
