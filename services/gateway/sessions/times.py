"""Reading a client's times: RFC 3339 text, epoch milliseconds or seconds, or milliseconds since an origin."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

_NUMBERS: Final = frozenset({int, float})  # what JSON gives; bool is a type of its own
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_EPOCH_S: Final = 1e9  # as milliseconds since an origin it would be 11 days, more than may pass
_LEAST_EPOCH_MS: Final = 1e10
_MOST_MS: Final = 2.5e14  # the year 9892
_MOST_TEXT: Final = 40


class WrongTime(ValueError):
    """A time cannot be read; the message says what is expected and holds no value."""


def read_time(said: Any, origin: datetime | None) -> datetime | None:
    """Give the moment a client means; None when it counts from an origin that is not known yet.

    Parameters
    ----------
    said
        Text with a time zone (without one it is UTC), or a number: from 1e10 epoch milliseconds, from 1e9 epoch
        seconds, else milliseconds since the origin.
    origin
        Where relative times start.

    Raises
    ------
    WrongTime
        It is none of these, or negative.
    """
    if isinstance(said, str):
        return _of_text(said, origin)
    if type(said) not in _NUMBERS:
        raise WrongTime("expected a time: RFC 3339 text or a number")
    if not 0 <= said < _MOST_MS:
        raise WrongTime("a time is not negative, and before the year 9000")
    if said >= _LEAST_EPOCH_MS:
        return _EPOCH + timedelta(milliseconds=said)
    if said >= _LEAST_EPOCH_S:
        return _EPOCH + timedelta(seconds=said)
    return origin + timedelta(milliseconds=said) if origin is not None else None


def is_relative(said: Any) -> bool:
    """Tell whether a time counts from an origin."""
    return type(said) in _NUMBERS and 0 <= said < _LEAST_EPOCH_S


def _of_text(said: str, origin: datetime | None) -> datetime | None:
    if len(said) > _MOST_TEXT:
        raise WrongTime("expected a time: RFC 3339 text or a number")
    try:
        number = float(said)
    except ValueError:
        pass
    else:
        return read_time(number if number == number else -1, origin)
    try:
        found = datetime.fromisoformat(said)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongTime("expected a time: RFC 3339 text or a number") from None
