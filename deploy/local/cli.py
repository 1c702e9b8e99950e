"""The commands."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from deploy.local.bring_up import Report, bring_up, heed_signals, stay, stop_for_good
from deploy.local.credentials import DEMO_KEY
from deploy.local.errors import NeedsAttention, NoSuchPart, NotRunning, SettingsWrong
from deploy.local.jars import lock_jars
from deploy.local.logs import follow
from deploy.local.parts import Part
from deploy.local.progress import Progress
from deploy.local.settings import StackSettings
from deploy.local.stack import Stack
from deploy.provision.tenants import TenantRefused
from deploy.provision.topics import TopicRefused

_EXPECTED: Final = (NeedsAttention, TopicRefused, TenantRefused)
_PART_COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "red", "white", "bright_black")

_STOPPING: Final = "stopping; this takes a few seconds"

Action = Callable[[Stack], None]


@click.group()
def main() -> None:
    """Run the whole system on this machine."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # probing a broker that still starts is no news


@main.command()
@click.option("--detach", is_flag=True, help="Return when the replay is done and leave the system running.")
def up(detach: bool) -> None:
    """Start everything, replay the recordings, show what came of them."""
    started = time.monotonic()
    console = Console()

    def start(stack: Stack) -> None:
        was_running = stack.running()
        heed_signals()
        try:
            with stack.exclusively(), Progress(console) as progress:
                report = asyncio.run(bring_up(stack, progress))
        except KeyboardInterrupt:
            if not was_running:
                click.echo(f"\n{_STOPPING}")
                stop_for_good(stack)
            sys.exit(130)
        _show(stack, report)
        if not report.went_well:
            click.echo("error: the replay did not go well; see `make status` and `make logs`", err=True)
        if detach:
            click.echo(json.dumps(report.replayed | {"up_s": round(time.monotonic() - started, 1)}))
            sys.exit(not report.went_well)
        elif was_running:
            click.echo("The system was running already and stays so; `make down` stops it.")
        else:
            click.echo("Press Ctrl-C to stop everything.")
            stay(stack, lambda: click.echo(f"\n{_STOPPING}"))
            click.echo(f"stopped; {_kept(stack)}")

    _with_stack(start)


@main.command()
def down() -> None:
    """Stop everything; data stays."""

    def stop(stack: Stack) -> None:
        with stack.exclusively():
            was_running = stack.running()
            if was_running:
                click.echo(_STOPPING)
            stack.stop()
        click.echo(f"{'stopped' if was_running else 'nothing was running'}; {_kept(stack)}")

    _with_stack(stop)


@main.command()
@click.option("--service", required=True, help="Which part.")
def restart(service: str) -> None:
    """Start one part again, with the code as it is now, and wait until it is ready."""

    def again(stack: Stack) -> None:
        part = _part(stack, service)
        with stack.exclusively(), Progress(Console()) as progress:
            asyncio.run(stack.restart(part, progress))

    _with_stack(again)


@main.command()
def status() -> None:
    """Show every part; the exit code is 1 when one is not ready."""

    def show(stack: Stack) -> None:
        parts = asyncio.run(stack.status())
        table = Table("part", "state", "pid", "port", "up", box=None)
        for one in parts:
            state = f"[red]{one.why}[/red]" if one.why else "[green]ready[/green]"
            uptime = f"{one.uptime_s:.0f} s" if one.pid else "-"
            table.add_row(one.part.name, state, str(one.pid or "-"), str(one.part.ports[0].number), uptime)
        Console().print(table)
        if not stack.running():
            click.echo("nothing runs; start it with `make up`")
        sys.exit(any(one.why for one in parts))

    _with_stack(show)


@main.command()
@click.option("--service", help="Only this part.")
def logs(service: str | None) -> None:
    """Follow the logs until Ctrl-C."""

    def show(stack: Stack) -> None:
        names = [part.name for part in stack.all_parts]
        directory = stack.settings.root / "logs"
        if not directory.is_dir():
            raise NotRunning(f"there is no {directory} yet; start the system with `make up`")
        colours = dict(zip(names, _PART_COLOURS, strict=True))
        width = max(map(len, names))
        try:
            for name, line in follow(directory, names if service is None else [_part(stack, service).name]):
                click.echo(f"{click.style(name.ljust(width), fg=colours[name])} {line}")
        except KeyboardInterrupt:
            return

    _with_stack(show)


@main.command("lock-jars")
def lock() -> None:
    """Resolve Kafka's dependencies anew and rewrite the jar lock file."""
    lock_jars()


def _show(stack: Stack, report: Report) -> None:
    """Print where to look; not as a table, which would break long addresses over lines."""
    lines = report.urls | {"demo API key": f"{DEMO_KEY} in {stack.settings.root / 'secrets.env'}"}
    for name, value in lines.items():
        click.echo(f"{name.ljust(max(map(len, lines)))}  {value}")


def _kept(stack: Stack) -> str:
    return f"data stays in {stack.settings.root}"


def _part(stack: Stack, name: str) -> Part:
    for part in stack.all_parts:
        if part.name == name:
            return part
    raise NoSuchPart(f"there is no part {name!r}; there are {', '.join(part.name for part in stack.all_parts)}")


def _with_stack(action: Action) -> None:
    """Run an action; show a failure that a person can mend as one line each."""
    failures: list[BaseException] = []
    try:
        action(Stack(_settings()))
    except* _EXPECTED as group:
        failures = list(_leaves(group))
    for failure in failures:
        click.echo(f"error: {failure}", err=True)
    if failures:
        sys.exit(1)


def _settings() -> StackSettings:
    try:
        return StackSettings()
    except ValidationError as error:
        wrong = (f"TELLTALE_{str(one['loc'][0]).upper()}={one['input']}: {one['msg']}" for one in error.errors())
        raise SettingsWrong(f"{'; '.join(wrong)}; change it in the environment or in .env") from None


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
