import logging

from shared.logs import FewRepeats


def record(name: str = "aiokafka.client", message: str = "cannot connect to node %s") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, message, (1,), None)


def test_a_library_says_the_same_once_in_ten_seconds_and_how_often_it_wanted_to() -> None:
    now_s = 0.0
    few = FewRepeats(lambda: now_s)
    assert few.filter(record())
    assert not any(few.filter(record()) for _ in range(99))
    now_s = 10.0
    again = record()
    assert few.filter(again)
    assert vars(again)["held_back"] == 99
    now_s = 20.0
    alone = record()
    assert few.filter(alone)
    assert "held_back" not in vars(alone)


def test_another_message_or_another_logger_is_not_held_back() -> None:
    few = FewRepeats(lambda: 0.0)
    assert few.filter(record())
    assert few.filter(record(message="group coordinator is dead"))
    assert few.filter(record(name="aiokafka.producer"))


def test_our_own_lines_are_never_held_back() -> None:
    few = FewRepeats(lambda: 0.0)
    assert all(few.filter(record(name="services.persister.worker")) for _ in range(5))


def test_what_it_remembers_is_bounded() -> None:
    few = FewRepeats(lambda: 0.0)
    for number in range(5_000):
        assert few.filter(record(message=f"offset {number}"))
    assert len(few._shown) <= 1_000
