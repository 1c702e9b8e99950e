"""What can go wrong, named by the reaction it needs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.persister.reading import Row


class Crash(Exception):
    """Going on would be wrong: end the process and let the supervisor start it anew."""


class PartitionTaken(Crash):
    """The stored offset is not the one we left: another instance writes this partition."""


class StreamReplaced(Crash):
    """The stored offset lies beyond the topic's end: the topic was made anew. A person must look."""


class Retry(Exception):
    """Someone is away for a while: wait, then try the same again."""


class StoreAway(Retry):
    """PostgreSQL does not answer. Whether an open transaction was committed is unknown."""


class BrokerAway(Retry):
    """Kafka does not take our dead letters."""


class PlanOutdated(Exception):
    """The store changed since we looked: look again and plan anew, at once."""


class RowsRefused(Exception):
    """The store refuses these rows and took none: drop them (dead letter), then write the others.

    Parameters
    ----------
    refusals
        Each refused row with the store's reason, free of payload.
    """

    def __init__(self, refusals: Sequence[tuple["Row", str]]) -> None:
        super().__init__(f"{len(refusals)} rows refused: {refusals[0][1] if refusals else ''}")
        self.refusals = refusals
