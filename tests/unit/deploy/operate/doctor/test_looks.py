import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import parts
from deploy.local.settings import HOST
from deploy.operate.doctor.looks import Looks, Port, Process, look_at, next_command, words


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as server:
        yield server


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[psutil.Popen]:
    child = psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "a.pid").write_text(str(child.pid))
    yield child
    child.kill()
    child.wait()


def part(port: int, pid_file: Path) -> parts.Part:
    async def probe() -> None:
        return None

    return parts.Part("a", parts.SERVICES, (), (parts.Port(port, "A_PORT", "a"),), probe, pid_file)


async def test_a_dead_part_refuses(listening: socket.socket, tmp_path: Path) -> None:
    port = listening.getsockname()[1]
    listening.close()
    looks = await look_at(part(port, tmp_path / "none.pid"))
    assert (looks.port, looks.process) == (Port.REFUSED, Process.ABSENT)
    assert next_command(looks) == "make restart SERVICE=a"


async def test_a_stopped_part_keeps_its_port(listening: socket.socket, sleeper: psutil.Popen, tmp_path: Path) -> None:
    os.kill(sleeper.pid, signal.SIGSTOP)
    while sleeper.status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.001)
    looks = await look_at(part(listening.getsockname()[1], tmp_path / "a.pid"))
    assert (looks.port, looks.process, looks.pid) == (Port.ACCEPTS, Process.STOPPED, sleeper.pid)
    assert next_command(looks) == f"kill -CONT {sleeper.pid}"


async def test_a_part_just_started_is_said_to_be(
    listening: socket.socket, sleeper: psutil.Popen, tmp_path: Path
) -> None:
    looks = await look_at(part(listening.getsockname()[1], tmp_path / "a.pid"))
    assert looks.process is Process.STARTING
    assert next_command(looks) == "make logs SERVICE=a"


def test_a_part_that_runs_leaves_the_next_command_to_the_stage() -> None:
    looks = Looks("a", 80, Port.ACCEPTS, Process.RUNNING, 7, 3600)
    assert next_command(looks) == ""
    assert words(looks) == "port 80 accepts connections, its process 7 runs since 3600 s"
