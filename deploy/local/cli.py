"""The commands."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from deploy.local.bring_up import Report, bring_up, heed_signals, stay, stop_for_good
from deploy.local.errors import NeedsAttention
from deploy.local.jars import lock_jars
from deploy.local.logs import follow
from deploy.local.progress import Progress
from deploy.local.settings import StackSettings
from deploy.local.stack import Stack
from deploy.provision.run import provision
from deploy.provision.tenants import TenantRefused
from deploy.provision.topics import TopicRefused

_EXPECTED: Final = (NeedsAttention, TopicRefused, TenantRefused)
_PART_COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "red", "white")

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
                stop_for_good(stack)
            sys.exit(130)
        _show(console, stack, report)
        if detach:
            click.echo(json.dumps(report.replayed | {"up_s": round(time.monotonic() - started, 1)}))
        elif was_running:
            click.echo("The system was running already and stays so; `make down` stops it.")
        else:
            click.echo("Press Ctrl-C to stop everything.")
            stay(stack)

    _with_stack(start)


@main.command()
def infra() -> None:
    """Start Kafka, PostgreSQL and Redis only, provisioned, and return."""

    async def start(stack: Stack, progress: Progress) -> None:
        stack.check_unchanged()
        await stack.start_servers(progress)
        await provision(stack.provision_settings())

    def run(stack: Stack) -> None:
        with stack.exclusively(), Progress(Console()) as progress:
            asyncio.run(start(stack, progress))

    _with_stack(run)


@main.command()
def down() -> None:
    """Stop everything; data stays."""

    def stop(stack: Stack) -> None:
        with stack.exclusively():
            stack.stop()

    _with_stack(stop)


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
        sys.exit(any(one.why for one in parts))

    _with_stack(show)


@main.command()
@click.option("--service", help="Only this part.")
def logs(service: str | None) -> None:
    """Follow the logs until Ctrl-C."""

    def show(stack: Stack) -> None:
        names = [part.name for part in stack.all_parts]
        if service is not None and service not in names:
            raise click.BadParameter(f"there is no part {service!r}; there are {', '.join(names)}")
        colours = dict(zip(names, _PART_COLOURS, strict=True))
        width = max(map(len, names))
        try:
            for name, line in follow(stack.settings.root / "logs", names if service is None else [service]):
                click.echo(f"{click.style(name.ljust(width), fg=colours[name])} {line}")
        except KeyboardInterrupt:
            return

    _with_stack(show)


@main.command("lock-jars")
def lock() -> None:
    """Resolve Kafka's dependencies anew and rewrite the jar lock file."""
    lock_jars()


def _show(console: Console, stack: Stack, report: Report) -> None:
    table = Table(box=None, show_header=False)
    for name, value in (report.urls | report.replayed).items():
        table.add_row(name.replace("_", " "), str(value))
    table.add_row("demo API key", f"TELLTALE_DEMO_API_KEY in {stack.settings.root / 'secrets.env'}")
    console.print(table)


def _with_stack(action: Action) -> None:
    """Run an action; show a failure that a person can mend as one line each."""
    failures: list[BaseException] = []
    try:
        action(Stack(StackSettings()))
    except* _EXPECTED as group:
        failures = list(_leaves(group))
    for failure in failures:
        click.echo(f"error: {failure}", err=True)
    if failures:
        sys.exit(1)


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
