"""The store as the persister needs it: a port. PostgreSQL is one, memory another; both pass one contract suite."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.persister.planning import Asked, Seen, Stream, WritePlan


class Store(Protocol):
    """Rows, and the books of what was written."""

    async def claim(self, starts: Mapping[Stream, int]) -> dict[Stream, int]:
        """Open the books of partitions not known yet at the given offsets, and tell each one's next offset.

        Raises
        ------
        StoreAway
            The store does not answer.
        """

    async def next_offsets(self, streams: Sequence[Stream]) -> dict[Stream, int]:
        """Tell each partition's next offset.

        Raises
        ------
        StoreAway
            The store does not answer.
        """

    async def seen(self, asked: Asked) -> Seen:
        """Tell what of it was written within the days that a batch may be sent again.

        Raises
        ------
        StoreAway
            The store does not answer.
        """

    async def write(self, plan: WritePlan) -> None:
        """Write all of it or nothing: rows, sessions and books.

        Raises
        ------
        PartitionTaken
            A next offset is not the expected one.
        PlanOutdated
            A row is there already, or its day's partition came or went: look again.
        RowsRefused
            Some rows can never be written; nothing was. Without them, others may be named next.
        StoreAway
            The store does not answer; whether it was committed is unknown.
        """
