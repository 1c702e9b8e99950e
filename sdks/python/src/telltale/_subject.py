"""One subject's events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from telltale._buffer import Item, Key
from telltale._events import encode_event, encode_track
from telltale._models import MAX_WAIT_MS, Verdict

Encode = Callable[[Mapping[str, Any], Callable[[], datetime]], Item]


class Adding(Protocol):
    """What a subject needs of its client."""

    def _add(self, key: Key, encode: Encode, fields: Mapping[str, Any]) -> bool: ...

    async def _verdict(self, key: Key, wait_ms: int) -> Verdict | None: ...


class Subject:
    """One subject's events. Made by `AsyncClient.subject`; holds nothing of its own."""

    __slots__ = ("_client", "_key")

    def __init__(self, client: Adding, key: Key) -> None:
        self._client = client
        self._key = key

    def __repr__(self) -> str:
        return f"Subject({self._key.subject_type}/{self._key.subject_id}, domain={self._key.domain!r})"

    def add(self, event: Mapping[str, Any]) -> bool:
        """Add one event; it leaves in the background. Never waits.

        Parameters
        ----------
        event
            ``type``, ``occurred_at`` (an aware datetime, now when absent), ``event_id`` if you have one, and the
            fields of that type.

        Returns
        -------
        bool
            False when the buffer is full or the client closed: the event was not taken.

        Raises
        ------
        ValueError
            It has no type, a time without zone, or is larger than a batch may be.
        TypeError
            It holds what JSON cannot.
        """
        return self._client._add(self._key, encode_event, event)

    def add_track(self, track: Mapping[str, Any]) -> bool:
        """Add many samples of one signal as columns; each sample counts as one event.

        Parameters
        ----------
        track
            ``type``, ``started_at``, ``t`` (milliseconds since then) and a column of the same length for each value.

        Returns
        -------
        bool
            As `add`.

        Raises
        ------
        ValueError
            As `add`; or the columns differ in length, are empty, or the domain has no tracks.
        TypeError
            As `add`.
        """
        if self._key.domain != "behavior":
            raise ValueError(f"the domain {self._key.domain!r} has no tracks")
        return self._client._add(self._key, encode_track, track)

    async def verdict(self, wait_ms: int = 1_000) -> Verdict | None:
        """Send what waits for this subject and give the verdict after it.

        When nothing waits but a batch is on its way, it is the verdict after that batch, or after a later one; when
        nothing is on its way either, the subject's latest.

        Parameters
        ----------
        wait_ms
            How long the verdict may take once the server has the events, at most 10,000.

        Returns
        -------
        Verdict or None
            None when no verdict came in time, or there is none yet; the events are delivered all the same. Asking
            again then gives the latest verdict.

        Raises
        ------
        ValueError
            ``wait_ms`` is out of range.
        Refused
            The server will not have these events.
        Unavailable
            They could not be delivered before the deadline, or the client was closed.
        """
        if not 0 < wait_ms <= MAX_WAIT_MS:
            raise ValueError(f"wait_ms is 1 to {MAX_WAIT_MS}")
        return await self._client._verdict(self._key, wait_ms)
