"""The gateway's outside world as small protocols. Each has a real adapter and an in-memory one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from shared.cloudevents import Headers
from shared.topics import Domain


class PublisherFull(Exception):
    """As much is in flight as may be: slow the sender down."""


class BrokerUnavailable(Exception):
    """The broker did not acknowledge in time, or refused: the sender must send again."""


class StoreUnavailable(Exception):
    """The database cannot answer now: the caller must ask again."""


class Record(NamedTuple):
    """One batch on its way to ``events.<domain>.v1``."""

    domain: Domain
    key: bytes
    value: bytes
    headers: Headers
    timestamp_ms: int

    @property
    def size_bytes(self) -> int:
        """What the record weighs while it is in flight."""
        return len(self.key) + len(self.value)


class Publisher(Protocol):
    """Hands batches to the broker."""

    @property
    def ready(self) -> bool:
        """Whether the broker can take records now."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Hand over all records and return once the broker has acknowledged every one.

        Raises
        ------
        PublisherFull
            Too much is in flight; nothing was handed over.
        BrokerUnavailable
            Not every record was acknowledged in time; some may be, or may yet be.
        """

    async def start(self) -> None:
        """Begin connecting; returns at once, whether or not the broker is there."""

    async def stop(self) -> None:
        """Wait for what is in flight, within a limit, and close."""


BatchKey = tuple[str, UUID]  # tenant id and batch id


class Waiting(Protocol):
    """Verdicts that one request waits for."""

    async def collect(self, timeout_s: float) -> Mapping[UUID, bytes]:
        """Give the verdicts (JSON) that came by then, sooner when all have."""


class Replies(Protocol):
    """Verdicts by Redis: a convenience that may be away at any time. No method raises because of it."""

    @property
    def channel(self) -> str | None:
        """Name of the channel we listen on, or None while nobody would hear a reply."""

    @property
    def ready(self) -> bool:
        """Whether replies can be heard."""

    async def answered(self, tenant_id: str, batch_ids: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Give the verdicts (JSON) of batches whose callers were waiting lately."""

    async def latest(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict (JSON)."""

    def expect(self, tenant_id: str, batch_ids: Sequence[UUID]) -> AbstractContextManager[Waiting]:
        """Listen for verdicts while the context is open; open it before the batches leave."""

    async def start(self) -> None:
        """Begin listening; returns at once, whether or not Redis is there."""

    async def stop(self) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a batch, or its verdict, went no further."""

    stage: str
    reason: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the database knows of one batch; every part may be missing."""

    domain: str | None = None
    subject: str | None = None  # type/id
    events: int | None = None
    received_at: datetime | None = None
    persisted_at: datetime | None = None
    verdict_id: UUID | None = None
    scored_at: datetime | None = None
    rejections: tuple[Rejection, ...] = ()


class ReceiptStore(Protocol):
    """What became of batches, by PostgreSQL under row-level security."""

    async def start(self) -> None:
        """Make ready; returns at once, whether or not the database is there."""

    async def stop(self) -> None:
        """Close."""

    @property
    def ready(self) -> bool:
        """Whether the database answered last time."""

    async def receipt(self, tenant_id: str, batch_id: UUID) -> StoredReceipt | None:
        """Give what is known of a tenant's batch, or None.

        Raises
        ------
        StoreUnavailable
            The database cannot answer.
        """

    async def latest_verdict(self, tenant_id: str, subject_type: str, subject_id: str) -> bytes | None:
        """Give a subject's latest verdict (JSON), or None.

        Raises
        ------
        StoreUnavailable
            The database cannot answer.
        """


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session that was started by name, as the database has it."""

    user_id: str | None
    started_at: datetime
    closed_at: datetime | None
    last_seen_at: datetime | None  # of its latest stored verdict
    challenge_threshold: int  # of its tenant


class SessionStore(Protocol):
    """Started sessions, by PostgreSQL under row-level security.

    Whatever asks the database raises `StoreUnavailable` when it cannot answer.
    """

    async def begin(
        self, tenant_id: str, session_id: UUID, user_id: str | None, facts: bytes, started_at: datetime
    ) -> StartedSession:
        """Write a session, with facts as JSON; one that is there already stays as it is. Gives what is there."""

    async def look_up(self, tenant_id: str, session_id: UUID) -> StartedSession | None:
        """Give a tenant's session, or None."""

    async def close(self, tenant_id: str, session_id: UUID, closed_at: datetime) -> None:
        """Note that the caller closed it; the first time counts."""

    async def challenge_threshold(self, tenant_id: str) -> int:
        """Tell below which trust the tenant wants a challenge."""

    async def start(self) -> None:
        """Make ready; returns at once, whether or not the database is there."""

    async def stop(self) -> None:
        """Close."""
