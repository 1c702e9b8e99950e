"""What became of each batch, and the sums by tenant. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from shared.contracts.dead_letter import DeadLetterReason

NO_TENANT: Final = "(none)"  # no tenant id looks like this: what names no readable tenant


class Fate(StrEnum):
    """What became of one record of Kafka."""

    PERSISTED = "persisted"
    COPY = "copy"  # the batch was sent again; its row is another record's
    REJECTED = "rejected"  # a dead letter has it
    WAITING = "waiting"  # the persister has not come to it
    LOST = "lost"
    MISCOUNTED = "miscounted"  # its row says another number of events


class Place(NamedTuple):
    """Where a record stands; the topic's name on the broker."""

    topic: str
    partition: int
    offset: int


class Sent(NamedTuple):
    """A record of a topic of events. ``batch_id`` is None when its headers cannot be read."""

    place: Place
    domain: str
    tenant_id: str
    batch_id: UUID | None
    events: int
    received_at: datetime | None
    redriven: bool


class RowPlace(NamedTuple):
    """A batch's row: from which record it was written, and how many events it counts."""

    domain: str
    partition: int
    offset: int
    events: int


BatchKey = tuple[str, UUID]


@dataclass(slots=True)
class TenantBooks:
    """One tenant's batches.

    Parameters
    ----------
    told
        Acknowledged to clients, by their ledgers.
    in_kafka
        On the broker now, each once however often it was sent.
    copies
        Further records of batches that were sent again.
    persisted
        Rows in PostgreSQL.
    rejected
        Kept as dead letters of the persister, without a row.
    waiting
        On the broker, and the persister has not come to them.
    lost
        Acknowledged or on the broker, passed, and in no table.
    duplicated
        Rows beyond one a batch, and verdicts beyond one a batch.
    miscounted
        Rows with another number of events than the batch has.
    unscored
        Rows without a verdict and without the scorer's dead letter.
    unscored_waiting
        The same, and the scorer has not come to them.
    """

    told: int = 0
    in_kafka: int = 0
    copies: int = 0
    persisted: int = 0
    rejected: int = 0
    waiting: int = 0
    lost: int = 0
    duplicated: int = 0
    miscounted: int = 0
    unscored: int = 0
    unscored_waiting: int = 0

    def add(self, other: "TenantBooks") -> None:
        """Add another's sums."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def clean(self) -> bool:
        """Whether every batch is where it should be, once."""
        return not any(getattr(self, name) for name in _WRONG)


_WRONG: Final = ("waiting", "lost", "duplicated", "miscounted", "unscored", "unscored_waiting")


@dataclass(frozen=True, slots=True)
class Miss:
    """One batch that is not where it should be."""

    what: str
    why: str
    tenant_id: str
    batch_id: UUID | None
    place: Place | None = None

    def document(self) -> dict[str, Any]:
        """Give it as JSON-ready data."""
        where = self.place._asdict() if self.place is not None else {}
        batch_id = str(self.batch_id) if self.batch_id is not None else None
        return {"what": self.what, "why": self.why, "tenant": self.tenant_id, "batch_id": batch_id} | where


@dataclass(slots=True)
class Report:
    """The whole comparison; ``ranges`` are the offsets seen, by partition."""

    tenants: dict[str, TenantBooks] = field(default_factory=dict)
    unbalanced: list[str] = field(default_factory=list)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, tenant_id: str) -> TenantBooks:
        """Give a tenant's books."""
        return self.tenants.setdefault(tenant_id, TenantBooks())

    @property
    def total(self) -> TenantBooks:
        """The sum over tenants."""
        total = TenantBooks()
        for books in self.tenants.values():
            total.add(books)
        return total

    @property
    def clean(self) -> bool:
        """Whether everything is accounted for."""
        return not self.unbalanced and all(books.clean for books in self.tenants.values())

    def document(self) -> dict[str, Any]:
        """Give the sums as JSON-ready data."""
        return asdict(self.total) | {
            "unbalanced_partitions": len(self.unbalanced),
            "clean": self.clean,
            "records_seen": sum(end - first for first, end in self.ranges.values()),
            "tenants": {tenant: asdict(books) for tenant, books in sorted(self.tenants.items())},
        }


def fate_of(sent: Sent, rows: Iterable[RowPlace], letter: str | None, next_offset: int) -> Fate:
    """Tell what became of a record.

    Parameters
    ----------
    rows
        The rows of its batch, by whatever record they were written from.
    letter
        Reason of the persister's dead letter of this very record, when there is one.
    next_offset
        The first offset of its partition that the persister has not come to.
    """
    found = list(rows)
    own = [row for row in found if (row.domain, row.partition, row.offset) == (sent.domain, *sent.place[1:])]
    if own:
        return Fate.PERSISTED if own[0].events == sent.events else Fate.MISCOUNTED
    if letter == DeadLetterReason.BATCH_ID_CONFLICT:
        return Fate.REJECTED  # the row is of another batch with this id
    if found:
        return Fate.COPY
    if letter is not None:
        return Fate.COPY if sent.redriven else Fate.REJECTED
    return Fate.WAITING if sent.place.offset >= next_offset else Fate.LOST


def count_fate(books: TenantBooks, fate: Fate) -> None:
    """Count one record in its tenant's books."""
    if fate is Fate.COPY:
        books.copies += 1
        return
    books.in_kafka += 1
    if fate in _COUNTED:
        setattr(books, fate, getattr(books, fate) + 1)


# Persisted batches are counted from the rows themselves.
_COUNTED: Final = (Fate.REJECTED, Fate.WAITING, Fate.LOST, Fate.MISCOUNTED)


def is_scored_yet(domain: str, place: Place, scored_next: Mapping[tuple[str, int], int]) -> bool:
    """Tell whether the scorer has come past a record."""
    return place.offset < scored_next.get((place.topic, place.partition), 0)
