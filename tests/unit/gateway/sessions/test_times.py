from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.gateway.sessions.times import WrongTime, read_time

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ORIGIN = AT - timedelta(seconds=9)


@pytest.mark.parametrize(
    "said",
    [
        AT.timestamp() * 1000,
        AT.timestamp(),
        str(AT.timestamp() * 1000),
        "2026-03-01T12:00:00.250Z",
        "2026-03-01T13:00:00.25+01:00",
        "2026-03-01T12:00:00.250",
        9_000,
        "9000",
    ],
)
def test_a_moment_can_be_told_in_many_ways(said: Any) -> None:
    assert read_time(said, ORIGIN) == AT


@pytest.mark.parametrize("said", [0, 16.7, "33"])
def test_without_an_origin_a_relative_time_is_no_moment(said: Any) -> None:
    assert read_time(said, None) is None


@pytest.mark.parametrize(
    "said",
    [
        None,
        True,
        -1,
        -0.5,
        "-1",
        1e300,
        10**400,
        "nan",
        "inf",
        "1e999",
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        [],
        {},
        "0001-01-01T00:00:00+14:00",
        "x" * 5_000,
    ],
)
def test_what_is_no_time_is_refused_without_being_quoted(said: Any) -> None:
    with pytest.raises(WrongTime) as caught:
        read_time(said, ORIGIN)
    if said:
        assert str(said)[:20] not in str(caught.value)
