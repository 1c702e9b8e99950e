"""One instance of the local stack, started, hurt and stopped."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from deploy.local.errors import Busy, PortTaken, SettingsChanged
from deploy.local.host import free_ports
from deploy.local.progress import Progress
from deploy.local.settings import CHECKOUT, StackSettings
from deploy.local.stack import PartStatus, Stack
from deploy.local.supervision import Supervisor

_HOME = CHECKOUT / ".telltale-test-stack"
_SERVERS = {"kafka", "postgres", "redis"}
_PATIENCE_S = 60.0  # as long as the system itself waits for a part


def _settings(home: Path = _HOME) -> StackSettings:
    names = [name for name in StackSettings.model_fields if name.endswith("_port")]
    return StackSettings.model_validate({"home": home} | dict(zip(names, free_ports(len(names)), strict=True)))


async def _up(stack: Stack) -> None:
    with Progress(Console(quiet=True)) as progress:
        await stack.start_servers(progress)


async def _servers(stack: Stack) -> dict[str, PartStatus]:
    return {one.part.name: one for one in await stack.status() if one.part.name in _SERVERS}


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


def _members(stack: Stack) -> list[psutil.Process]:
    """Give supervisord and everything below it."""
    supervisor = Supervisor(stack.settings).process()
    assert supervisor is not None
    return [supervisor, *supervisor.children(recursive=True)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    shutil.rmtree(_HOME, ignore_errors=True)
    stack = Stack(_settings())
    asyncio.run(_up(stack))
    yield stack
    stack.stop()
    shutil.rmtree(_HOME)


async def test_every_server_is_ready_with_pid_and_uptime(stack: Stack) -> None:
    servers = await _servers(stack)
    assert {name: one.why for name, one in servers.items()} == dict.fromkeys(_SERVERS, "")
    assert all(psutil.pid_exists(one.pid) and one.uptime_s >= 0 for one in servers.values())


async def test_starting_again_changes_nothing(stack: Stack) -> None:
    before = {name: one.pid for name, one in (await _servers(stack)).items()}
    await _up(stack)
    assert {name: one.pid for name, one in (await _servers(stack)).items()} == before


@pytest.mark.parametrize("name", sorted(_SERVERS))
async def test_a_killed_server_comes_back(stack: Stack, name: str) -> None:
    killed = (await _servers(stack))[name].pid
    psutil.Process(killed).kill()

    async def is_back() -> bool:
        now = (await _servers(stack))[name]
        return not now.why and now.pid != killed

    await _until(is_back)


async def test_other_settings_are_refused_while_it_runs(stack: Stack) -> None:
    stack.check_unchanged()
    with pytest.raises(SettingsChanged):
        Stack(stack.settings.model_copy(update={"redis_port": 1})).check_unchanged()


def test_a_second_command_at_the_same_time_is_told_so(stack: Stack) -> None:
    with stack.exclusively(), pytest.raises(Busy, match="is starting or stopping"), Stack(stack.settings).exclusively():
        pass


async def test_a_port_in_use_is_named_with_its_variable_and_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home = CHECKOUT / ".telltale-test-port"
        other = Stack(_settings(home).model_copy(update={"postgres_port": port}))
        try:
            with pytest.raises(
                PortTaken, match=rf"port {port} \(PostgreSQL, TELLTALE_POSTGRES_PORT\) is used by .*pid"
            ):
                await _up(other)
            assert not other.running()
        finally:
            shutil.rmtree(home)


async def test_two_parts_on_one_port_are_refused() -> None:
    home = CHECKOUT / ".telltale-test-port"
    settings = _settings(home)
    other = Stack(settings.model_copy(update={"insights_port": settings.gateway_port}))
    try:
        with pytest.raises(PortTaken, match="TELLTALE_GATEWAY_PORT and TELLTALE_INSIGHTS_PORT are both"):
            await _up(other)
    finally:
        shutil.rmtree(home)


async def test_a_part_is_started_again(stack: Stack) -> None:
    before = (await _servers(stack))["redis"].pid
    with Progress(Console(quiet=True)) as progress:
        await stack.restart(next(part for part in stack.servers if part.name == "redis"), progress)
    after = (await _servers(stack))["redis"]
    assert not after.why and after.pid != before


async def test_stopping_leaves_no_process_and_data_stays(stack: Stack) -> None:
    before = _members(stack)
    stack.stop()
    assert [process for process in before if process.is_running()] == []
    assert {one.why for one in (await _servers(stack)).values()} == {"not running"}
    await _up(stack)
    assert {one.why for one in (await _servers(stack)).values()} == {""}


async def test_a_killed_supervisor_leaves_nothing_that_down_does_not_find(stack: Stack) -> None:
    supervisor, *parts = _members(stack)
    servers = supervisor.children()  # those below them, PostgreSQL's workers for one, may come and go
    supervisor.kill()
    psutil.wait_procs([supervisor], timeout=_PATIENCE_S)
    assert servers and all(process.is_running() for process in servers)
    stack.stop()
    assert [process for process in parts if process.is_running()] == []


async def test_starting_after_the_supervisor_was_killed_begins_anew(stack: Stack) -> None:
    if not stack.running():
        await _up(stack)
    supervisor, *parts = _members(stack)
    supervisor.kill()
    psutil.wait_procs([supervisor], timeout=_PATIENCE_S)
    await _up(stack)
    assert [process for process in parts if process.is_running()] == []
    assert {one.why for one in (await _servers(stack)).values()} == {""}
