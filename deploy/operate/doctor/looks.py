"""What a part looks like from outside: does its port let us in, does its process run, and so what to do next."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import psutil

from deploy.local.host import recorded_process
from deploy.local.parts import Part
from deploy.local.settings import HOST

_KNOCK_TIMEOUT_S: Final = 0.5
_JUST_STARTED_S: Final = 15.0


class Port(StrEnum):
    """What happens to a connection."""

    REFUSED = "refuses connections"
    ACCEPTS = "accepts connections"
    SILENT = "does not answer connections"


class Process(StrEnum):
    """What the part's process does."""

    ABSENT = "absent"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Looks:
    """A part from outside; times are seconds, 0 when there is no process."""

    name: str
    port_number: int
    port: Port
    process: Process
    pid: int = 0
    up_s: float = 0.0


# A stopped process keeps its port, and the kernel goes on accepting connections for it.
_PROCESS_WORDS: Final = {
    Process.ABSENT: "its process does not run",
    Process.STOPPED: "its process {pid} is stopped by a signal",
    Process.STARTING: "its process {pid} started {up_s:.0f} s ago",
    Process.RUNNING: "its process {pid} runs since {up_s:.0f} s",
}
_NEXT: Final = {
    Process.ABSENT: "make restart SERVICE={name}",
    Process.STOPPED: "kill -CONT {pid}",
    Process.STARTING: "make logs SERVICE={name}",
}


def words(looks: Looks) -> str:
    """Say it in one line."""
    process = _PROCESS_WORDS[looks.process].format(pid=looks.pid, up_s=looks.up_s)
    return f"port {looks.port_number} {looks.port}, {process}"


def next_command(looks: Looks) -> str:
    """Give what to run next; empty when its looks tell nothing."""
    return _NEXT.get(looks.process, "").format(name=looks.name, pid=looks.pid)


async def look_at(part: Part) -> Looks:
    """Knock at a part's main port and look at the process it recorded."""
    number = part.ports[0].number
    port = await knock(HOST, number)
    process = recorded_process(part.pid_file)
    if process is None:
        return Looks(part.name, number, port, Process.ABSENT)
    try:
        up_s = time.time() - process.create_time()
        state = Process.STARTING if up_s < _JUST_STARTED_S else Process.RUNNING
        if process.status() == psutil.STATUS_STOPPED:
            state = Process.STOPPED
    except psutil.NoSuchProcess:
        return Looks(part.name, number, port, Process.ABSENT)
    return Looks(part.name, number, port, state, process.pid, up_s)


async def knock(host: str, port: int) -> Port:
    """Try to connect."""
    try:
        async with asyncio.timeout(_KNOCK_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Port.SILENT
    except OSError:
        return Port.REFUSED
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Port.ACCEPTS
