"""What counts as flat."""

from collections.abc import Callable

from benchmarks.observing import Usage
from benchmarks.soak import Window, judge


def windows(
    memory_mb: Callable[[int], float] = lambda _: 80.0,
    descriptors: Callable[[int], int] = lambda _: 40,
    p99_ms: Callable[[int], float] = lambda _: 20.0,
    lag: Callable[[int], float] = lambda _: 3.0,
) -> list[Window]:
    return [
        Window(7.0, p99_ms(minute), lag(minute), {"gateway": Usage(0.0, memory_mb(minute), descriptors(minute))})
        for minute in range(60)
    ]


def test_what_stays_is_flat() -> None:
    assert judge(windows())["grew"] == []


def test_a_leak_is_seen() -> None:
    assert judge(windows(memory_mb=lambda minute: 80 + minute))["grew"] == ["gateway_memory_mb"]
    assert judge(windows(descriptors=lambda minute: 40 + minute))["grew"] == ["gateway_descriptors"]


def test_lag_and_latency_that_grow_are_seen() -> None:
    assert judge(windows(lag=lambda minute: 10.0 * minute))["grew"] == ["lag_batches"]
    assert judge(windows(p99_ms=lambda minute: 20.0 + 3 * minute))["grew"] == ["p99_ms"]


def test_warming_up_and_a_single_bad_minute_are_no_growth() -> None:
    assert judge(windows(memory_mb=lambda minute: 30.0 + 5 * min(minute, 10)))["grew"] == []
    assert judge(windows(p99_ms=lambda minute: 900.0 if minute == 50 else 20.0))["grew"] == []
