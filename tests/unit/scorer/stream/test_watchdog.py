import asyncio
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from services.scorer.stream.watchdog import Progress, StallDetector, Watchdog, where_tasks_wait


def test_idle_is_no_stall() -> None:
    detector = StallDetector(30, 0)
    assert all(detector.check(Progress(now, False, (1, 1)), now) is None for now in range(0, 500, 10))


def test_lag_with_progress_is_no_stall() -> None:
    detector = StallDetector(30, 0)
    assert all(detector.check(Progress(now, True, (now, 1)), now) is None for now in range(0, 500, 10))


def test_lag_without_progress_ends_after_the_timeout() -> None:
    detector = StallDetector(30, 0)
    reasons = [detector.check(Progress(now, True, (1, 1)), now) for now in (0, 10, 30, 31)]
    assert reasons[:3] == [None, None, None] and reasons[3] is not None and "lag" in reasons[3]


def test_lag_that_begins_late_has_the_whole_timeout() -> None:
    detector = StallDetector(30, 0)
    assert detector.check(Progress(100, False, (1,)), 100) is None
    assert detector.check(Progress(125, True, (1,)), 125) is None
    assert detector.check(Progress(131, True, (1,)), 131) is not None


def test_a_silent_loop_ends_whatever_it_said_last() -> None:
    assert "event loop" in (StallDetector(30, 0).check(Progress(0, False, ()), 31) or "")


async def test_the_watchdog_ends_a_loop_that_says_nothing() -> None:
    ended = threading.Event()
    watchdog = Watchdog(0.1, 60, lambda _: ended.set())
    watchdog.start()
    assert ended.wait(5)
    watchdog.stop()


def test_a_worker_that_slept_over_its_session_is_ended_before_it_writes() -> None:
    reasons: list[str] = []
    Watchdog(60, 0.0, reasons.append).check_session()
    assert reasons and "session" in reasons[0]


async def test_a_worker_that_waited_for_its_broker_before_it_began_was_not_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    monkeypatch.setattr("services.scorer.stream.watchdog.time", SimpleNamespace(monotonic=lambda: now_s))
    reasons: list[str] = []
    watchdog = Watchdog(1_000, 10, reasons.append)
    now_s = 100.0
    watchdog.start()
    watchdog.tell(False, ())
    assert reasons == []
    now_s = 108.0
    watchdog.tell(False, ())
    assert len(reasons) == 1
    watchdog.stop()


async def test_a_stopped_process_is_checked_first_thing_when_it_goes_on() -> None:
    reasons: list[str] = []
    watchdog = Watchdog(60, 0.0, reasons.append)
    watchdog.start()
    os.kill(os.getpid(), signal.SIGCONT)
    assert reasons and "session" in reasons[0]
    watchdog.stop()
    os.kill(os.getpid(), signal.SIGCONT)
    assert len(reasons) == 1


async def test_it_can_tell_where_each_task_waits() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    task = asyncio.create_task(outer(), name="work")
    await asyncio.sleep(0)
    [line] = where_tasks_wait([task])
    assert line.startswith("work: ")
    assert [call.split(":")[0].split(".")[-1] for call in line.split(": ")[1].split(" > ")] == [
        "outer",
        "inner",
        "wait",
    ]
    task.cancel()


def test_a_process_without_memory_ends_too() -> None:
    """No thread can be started then, nor a line be written."""
    starved = """
import resource, threading
from services.scorer.stream.watchdog import end_process
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use, in_use))
try:
    threading.Thread(target=print).start()
except RuntimeError:
    try:
        end_process("starved")
    except BaseException:
        pass
raise SystemExit(7)
"""
    assert subprocess.run([sys.executable, "-c", starved], timeout=30).returncode == 1
