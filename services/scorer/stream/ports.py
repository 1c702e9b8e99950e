"""What the stream needs from outside, as small protocols."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from shared.contracts.batch import EventBatch
from shared.contracts.verdict import Verdict
from shared.dead_letters import ConsumedRecord
from shared.topics import Domain

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class BatchTooLarge(Exception):
    """Records do not fit into one record batch; nothing was sent. Send fewer, or crash when it is one record."""


class PublishFailed(Exception):
    """The broker did not acknowledge in time; the records may or may not be there. Crash: a restart finds out."""


class OutRecord(NamedTuple):
    """A record to publish."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Admitted(msgspec.Struct, frozen=True):
    """A batch that passed the stream's checks, as the judge gets it."""

    tenant_id: str
    domain: Domain
    received_at: datetime
    clock_skew_ms: int
    batch: EventBatch


class Folding(Protocol[S_co]):
    """What folding one batch gave."""

    @property
    def state(self) -> S_co:
        """The subject's state afterwards."""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, if there is one."""

    @property
    def duplicate(self) -> bool:
        """Whether the batch had been folded before; state is unchanged then."""


class Judge(Protocol[S]):
    """The pure core as the stream sees it: states are opaque and immutable, every call is deterministic."""

    def fold(self, state: S | None, item: Admitted) -> Folding[S]:
        """Fold one batch."""

    def encode(self, state: S) -> bytes:
        """Write a state as bytes."""

    def decode(self, data: bytes) -> S:
        """Read a state."""

    def is_expired(self, state: S, now: datetime) -> bool:
        """Tell whether a subject has been idle too long at ``now``."""

    def last_verdict(self, state: S) -> Verdict | None:
        """Give the verdict after the last folded batch."""


class Trial(Protocol):
    """Tries what may kill the process where that does no harm."""

    async def survived(self, step: Callable[[int], object], count: int) -> int:
        """Call ``step`` with 0, 1, 2 and so on, ``count`` times; give how many calls returned before one did not.

        Whether what the calls change stays changed is not said.
        """


class Publisher(Protocol):
    """Writes to Kafka."""

    async def publish(self, topic: str, partition: int, records: Sequence[OutRecord]) -> int | None:
        """Append records as one record batch, whole or not at all, and wait until the broker has it.

        Returns
        -------
        int or None
            Offset of the first record, or None when the broker did not tell.

        Raises
        ------
        BatchTooLarge
            They do not fit into one record batch; nothing was sent.
        PublishFailed
            No acknowledgement in time.
        """

    async def publish_by_key(self, topic: str, records: Sequence[OutRecord]) -> None:
        """Append records, each to the partition its key belongs to; raises `PublishFailed`."""


class LogReader(Protocol):
    """Reads what is already in Kafka, outside any consumer group."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Give a partition's first offset and the one after its last."""

    def read(self, topic: str, partition: int, start: int | None) -> AsyncIterator[Sequence[ConsumedRecord]]:
        """Read from an offset, or from the beginning, up to the end as it is at the call, in portions."""


class Announcement(NamedTuple):
    """A verdict for those who cannot read Kafka.

    ``reply_to`` is the channel of a waiting caller; ``latest`` tells that it is the subject's newest.
    """

    verdict: Verdict
    body: bytes
    reply_to: str | None
    latest: bool


class Announcer(Protocol):
    """Tells verdicts to waiting callers and keeps the latest. A convenience: it loses what it cannot tell in time."""

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Hand over verdicts; returns at once and never raises."""

    async def settle(self) -> None:
        """Wait until everything handed over was told or given up."""

    async def close(self) -> None:
        """Settle and let go of the connection."""
