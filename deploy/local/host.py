"""What this machine allows: users to drop to, free ports, who holds a port, which processes are ours."""

import os
import pwd
import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local.errors import NeedsAttention
from deploy.local.settings import HOST

_UNPRIVILEGED: Final = ("postgres", "nobody")
_PID_FILE_SLACK_S: Final = 10.0
# Below the range the kernel gives to outgoing connections, which could take the port in between.
_FREE_PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Give the user PostgreSQL runs as when we are root (it refuses to be root), or None to stay as we are."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise NeedsAttention(f"PostgreSQL must not run as root and there is no user {' or '.join(_UNPRIVILEGED)}")


def private_directory(path: Path) -> None:
    """Make a directory that only its owner can enter, or close the one there is."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def others_can_enter(path: Path) -> bool:
    """Tell whether every directory down to `path` lets any user through."""
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents) if parent.is_dir())


def port_is_free(port: int) -> bool:
    """Tell whether nothing listens on a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Pick ports that are free now."""
    found: list[int] = []
    for port in random.sample(_FREE_PORTS, len(_FREE_PORTS)):
        if port_is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise NeedsAttention(f"no {count} free ports between {_FREE_PORTS.start} and {_FREE_PORTS.stop}")


def holder_of(port: int) -> str:
    """Name the program that listens on a port, as far as we may know it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and getattr(connection.laddr, "port", None) == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()}, pid {connection.pid}"
    except psutil.Error:
        pass
    return "another program"


def recorded_process(pid_file: Path) -> psutil.Process | None:
    """Give the running process a pid file speaks of, or None when it has ended.

    The process writes the file as it starts, so one that started at another time only has the same number.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
        process = psutil.Process(pid)
        started_near = abs(process.create_time() - pid_file.stat().st_mtime) < _PID_FILE_SLACK_S
        alive = process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if started_near and alive else None
