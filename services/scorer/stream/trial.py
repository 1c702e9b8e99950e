"""Try what may kill the process in a process of its own: a fork that may crash, hang or run out of memory."""

import asyncio
import contextlib
import os
import resource
import signal
import warnings
from collections.abc import Callable
from typing import Final, NoReturn

_MEMORY_BYTES: Final = 536_870_912  # what a trial may take beyond what the process has
_READ_BYTES: Final = 65_536
_DONE: Final = b"."


class ForkTrial:
    """Runs steps in a fork, which has everything the process has and changes none of it.

    Only for the main thread. The fork must take no lock that another thread may hold: pure computing is safe.

    Parameters
    ----------
    timeout_s
        Longest time for one step.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.progress = 0  # grows with every step that returned and every trial that ended

    async def survived(self, step: Callable[[int], object], count: int) -> int:
        """See `Trial`."""
        reader, writer = os.pipe()
        pid = _fork()
        if pid == 0:
            self._run(step, count, writer)
        os.close(writer)
        # The loop stays free: the group must not take a long trial for the end of this worker.
        return await asyncio.to_thread(self._await_end, pid, reader)

    def _run(self, step: Callable[[int], object], count: int, writer: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            _limit_memory()
            for index in range(count):
                # The kernel itself ends a step that hangs, wherever it is.
                signal.setitimer(signal.ITIMER_REAL, self._timeout_s)
                step(index)
                os.write(writer, _DONE)
        finally:
            os._exit(0)

    def _await_end(self, pid: int, reader: int) -> int:
        done = 0
        with open(reader, "rb", buffering=0) as told:
            while portion := told.read(_READ_BYTES):
                done += len(portion)
                self.progress += len(portion)
        os.waitpid(pid, 0)
        self.progress += 1
        return done


def _fork() -> int:
    with warnings.catch_warnings():
        # Newer Pythons warn of forks beside threads: of the locks that this one does not take.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _limit_memory() -> None:
    with open("/proc/self/statm") as pages:
        in_use = int(pages.read().split()[0]) * resource.getpagesize()
    with contextlib.suppress(ValueError):  # a tighter limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (in_use + _MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
