"""Ends a process that no longer gets on: a supervisor starts a new one, which restores from the broker."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import CoroutineType
from typing import Any, Final, NamedTuple, NoReturn

_log = logging.getLogger(__name__)
_CHECK_EVERY_S: Final = 0.5
_LAST_WORDS_S: Final = 1.0
# The group counts from the last heartbeat, which was up to a fifth of the session before the stop.
_SAFE_SHARE_OF_SESSION: Final = 0.7


def end_process(reason: str) -> NoReturn:
    """Log and end at once, without any clean-up that could hang or acknowledge what is not done."""
    try:
        # The log itself may be what is stuck.
        timer = threading.Timer(_LAST_WORDS_S, os._exit, (1,))
        timer.daemon = True
        timer.start()
        _log.critical("ending the process: %s", reason)
    finally:
        # Without memory there are no last words either: no thread starts, no line is written.
        os._exit(1)


def where_tasks_wait(tasks: Iterable["asyncio.Task[Any]"]) -> list[str]:
    """Tell for each task the chain of awaits it hangs in, from its own code inwards."""
    return sorted(f"{task.get_name()}: {' > '.join(_awaits(task.get_coro()))}" for task in tasks)


def _awaits(awaited: Any) -> Iterator[str]:
    while isinstance(awaited, CoroutineType):
        frame = awaited.cr_frame
        if frame is not None:
            yield f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        awaited = awaited.cr_await


class Progress(NamedTuple):
    """What the loop last told. ``lagging`` says that work is due; ``marks`` change whenever it gets on."""

    beat_s: float
    lagging: bool
    marks: tuple[int, ...]


class StallDetector:
    """Tells when there was work and nothing got on for too long. Pure: time is an argument."""

    def __init__(self, timeout_s: float, now_s: float) -> None:
        self._timeout_s = timeout_s
        self._moved_s = now_s
        self._marks: tuple[int, ...] = ()

    def check(self, progress: Progress, now_s: float) -> str | None:
        """Give the reason to end the process, or None."""
        if now_s - progress.beat_s > self._timeout_s:
            return f"the event loop has been stuck for {self._timeout_s:g} s"
        if not progress.lagging or progress.marks != self._marks:
            self._moved_s, self._marks = now_s, progress.marks
        elif now_s - self._moved_s > self._timeout_s:
            return f"there is lag or no way to the broker, and nothing got on for {self._timeout_s:g} s"
        return None


class Watchdog:
    """Watches from a thread of its own, so that it also sees a stuck event loop.

    Parameters
    ----------
    timeout_s
        How long nothing may get on.
    session_timeout_s
        Silence after which the group gives partitions away, counted from the last heartbeat.
    end
        What to do then.
    """

    def __init__(self, timeout_s: float, session_timeout_s: float, end: Callable[[str], object] = end_process) -> None:
        self._timeout_s = timeout_s
        self._longest_stop_s = _SAFE_SHARE_OF_SESSION * session_timeout_s
        self._end = end
        self._progress = Progress(time.monotonic(), False, ())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch the running loop. Only for the main thread."""
        self._loops = [asyncio.get_running_loop()]
        self._progress = Progress(time.monotonic(), False, ())  # it may have been made long before
        self._thread.start()
        # Runs before anything else in Python when a stopped process goes on, so also before what waited to be sent.
        signal.signal(signal.SIGCONT, lambda *_: self.check_session())

    def also_tell_of(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell where the tasks of another thread's loop wait, too, before a stuck process ends."""
        self._loops.append(loop)

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        signal.signal(signal.SIGCONT, signal.SIG_DFL)

    def tell(self, lagging: bool, marks: tuple[int, ...]) -> None:
        """Tell how the work gets on; must be called again and again."""
        self.check_session()
        self._progress = Progress(time.monotonic(), lagging, marks)

    def check_session(self) -> None:
        """End a process that was stopped for so long that its partitions may be another's: it must write no more."""
        if time.monotonic() - self._progress.beat_s > self._longest_stop_s:
            self._end("it was stopped for nearly as long as its session lasts")

    def _watch(self) -> None:
        detector = StallDetector(self._timeout_s, time.monotonic())
        while not self._stopped.wait(_CHECK_EVERY_S):
            reason = detector.check(self._progress, time.monotonic())
            if reason is not None:
                try:
                    for loop in self._loops:
                        for line in where_tasks_wait(asyncio.all_tasks(loop)):
                            _log.error("waiting: %s", line)
                finally:
                    self._end(reason)
                return
