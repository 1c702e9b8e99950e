"""Batches this process accepted lately, so that a receipt is there before the database has the row."""

from collections import OrderedDict
from datetime import datetime
from typing import NamedTuple

from services.gateway.ports import BatchKey
from shared.topics import Domain


class Accepted(NamedTuple):
    """What the gateway itself knows of a batch."""

    domain: Domain
    subject: str  # type/id
    events: int
    received_at: datetime


class RecentBatches:
    """The last so many accepted batches; the oldest goes first.

    Parameters
    ----------
    limit
        Most batches remembered.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Bytes and plain tuples of plain values: the garbage collector need not walk them, however many there are.
        self._batches: OrderedDict[bytes, tuple[str, str, int, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._batches)

    def __contains__(self, key: BatchKey) -> bool:
        return _packed(key) in self._batches

    def add(self, key: BatchKey, accepted: Accepted) -> None:
        """Remember a batch; the first acceptance stands."""
        packed = _packed(key)
        if packed in self._batches:
            return
        self._batches[packed] = (accepted.domain.value, accepted.subject, accepted.events, accepted.received_at)
        if len(self._batches) > self._limit:
            self._batches.popitem(last=False)

    def get(self, key: BatchKey) -> Accepted | None:
        """Give a batch's acceptance, if it is remembered."""
        found = self._batches.get(_packed(key))
        return Accepted(Domain(found[0]), *found[1:]) if found is not None else None


def _packed(key: BatchKey) -> bytes:
    tenant_id, batch_id = key
    return batch_id.bytes + tenant_id.encode()
