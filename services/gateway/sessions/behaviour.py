"""What a posted document says, once it is read."""

from datetime import datetime
from typing import Any, NamedTuple


class Refusal(NamedTuple):
    """One place of a document that cannot be read."""

    pointer: str
    code: str
    detail: str


class Behaviour(NamedTuple):
    """What a document says, in the contract's terms.

    ``places`` and ``track_places`` are JSON pointers to where each event and track stood in the document; ``ignored``
    counts items that are known and tell nothing, or stand in no group we know. ``origin`` is where relative times were
    taken to start, None when that was known or there were none.
    """

    events: list[dict[str, Any]]
    tracks: list[dict[str, Any]]
    sent_at: datetime | None
    places: list[str]
    track_places: list[str]
    ignored: int
    origin: datetime | None
    errors: list[Refusal]
