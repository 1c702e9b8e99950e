"""The watermark: how far a partition's inputs are in its states. Every record of the state log carries one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

HEADER: Final = "watermark"
# No subject's key starts like this: a tenant's name begins with a letter or digit.
WATERMARK_KEY: Final = b"\x00watermark"
# Marks that a worker has the chunk after the watermark in hand.
STARTED_KEY: Final = b"\x00started"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class StateLogBroken(Exception):
    """A record of the state log was not written by a scorer: crash, a person must look."""


class Watermark(NamedTuple):
    """How far a partition has come.

    ``source_next``: inputs below this offset are in the states. ``verdicts_next``: a verdict on an input at or above
    ``source_next`` stands at or above this offset of the verdict topic. ``event_time``: newest ``received_at`` so far.
    """

    source_next: int = 0
    verdicts_next: int = 0
    event_time: datetime = EPOCH


def encode_watermark(mark: Watermark) -> tuple[str, bytes]:
    """Write a watermark as a header.

    >>> encode_watermark(Watermark(7, 3, EPOCH + timedelta(milliseconds=2)))
    ('watermark', b'7 3 2000')
    """
    time_us = (mark.event_time - EPOCH) // _MICROSECOND
    return HEADER, b"%d %d %d" % (mark.source_next, mark.verdicts_next, time_us)


def read_watermark(headers: Iterable[tuple[str, bytes]]) -> Watermark:
    """Read a record's watermark.

    Raises
    ------
    StateLogBroken
        There is none.
    """
    try:
        source_next, verdicts_next, time_us = (int(part) for part in dict(headers)[HEADER].split())
        return Watermark(source_next, verdicts_next, EPOCH + timedelta(microseconds=time_us))
    except (KeyError, ValueError, AttributeError, OverflowError):
        raise StateLogBroken("a record of the state log has no watermark") from None
