"""How long polls wait for more records: pure, time is an argument."""

import pytest

from services.scorer.stream.chunks import Gathering


def pause_at(records_s: float, poll_every_s: float = 0.01) -> float:
    """Poll for two seconds at a steady rate; give the last pause."""
    gathering = Gathering(0.0)
    pause_s, seen = 0.0, 0.0
    for poll in range(1, int(2 / poll_every_s) + 1):
        now_s = poll * poll_every_s
        due = int(records_s * now_s - seen)
        seen += due
        pause_s = gathering.pause_s(now_s, due)
    return pause_s


@pytest.mark.parametrize("records_s", [0, 1, 100, 200])
def test_when_it_is_quiet_nothing_waits(records_s: float) -> None:
    assert pause_at(records_s) == 0


def test_the_busier_the_longer_up_to_a_limit() -> None:
    pauses = [pause_at(records_s) for records_s in (400, 800, 2_000, 8_000)]
    assert 0 < pauses[0] < pauses[1] < pauses[2] == pauses[3] <= 0.05


def test_a_large_poll_is_followed_at_once_by_the_next() -> None:
    assert pause_at(100_000) == 0


def test_it_grows_quiet_again() -> None:
    gathering = Gathering(0.0)
    gathering.pause_s(1.0, 2_000)
    assert gathering.pause_s(1.1, 1) > 0
    assert gathering.pause_s(2.0, 1) == 0
