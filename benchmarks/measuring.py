"""What every measurement needs: processes on a core of their own, CPU time, medians of paired rounds."""

import functools
import os
import signal
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psutil

Report = Callable[[str], None]


@functools.cache
def cores() -> list[int]:
    """Give the cores this process might use when this was first asked: before it was kept on one."""
    return sorted(os.sched_getaffinity(0))


def pin(pid: int, core: int) -> None:
    """Keep a process, with its threads, on one core."""
    process = psutil.Process(pid)
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})
    process.cpu_affinity([core])


@contextmanager
def unpinned_after() -> Iterator[None]:
    """Give this process back its cores at the end: children inherit them."""
    allowed = os.sched_getaffinity(0)
    try:
        yield
    finally:
        for thread in psutil.Process().threads():
            os.sched_setaffinity(thread.id, allowed)


def end_in_order_on_sigterm() -> None:
    """Let a SIGTERM end a measurement as Ctrl-C does: what it has started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def cpu_s(pid: int) -> float:
    """Give the CPU time a process has used, user and system, in seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def tree_cpu_s(pid: int) -> float:
    """Give the CPU time of a process and everything below it, also of what has ended there, in seconds."""
    root = psutil.Process(pid)
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def rss_mb(pid: int) -> float:
    """Give a process's resident memory in megabytes."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the median of every figure over rounds.

    >>> medians([{"a": 1.0}, {"a": 9.0}, {"a": 2.0}])
    {'a': 2.0}
    """
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def machine() -> dict[str, Any]:
    """Describe the machine that figures belong to."""
    return {"cores": len(cores()), "memory_gib": round(psutil.virtual_memory().total / 2**30)}
