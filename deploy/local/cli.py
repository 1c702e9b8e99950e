"""The commands."""

import asyncio
import sys
from collections.abc import Callable
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from deploy.local.host import PortTaken
from deploy.local.jars import JarRefused, lock_jars
from deploy.local.postgres import PostgresMissing
from deploy.local.progress import Progress
from deploy.local.settings import StackSettings
from deploy.local.stack import Busy, PartNotReady, Stack
from deploy.provision.run import provision

_EXPECTED: Final = (Busy, PortTaken, PartNotReady, JarRefused, PostgresMissing)


@click.group()
def main() -> None:
    """Run the whole system on this machine."""


@main.command()
def infra() -> None:
    """Start Kafka, PostgreSQL and Redis only, provisioned, and return."""
    stack = Stack(StackSettings())
    console = Console()

    async def start(progress: Progress) -> None:
        await stack.start_servers(progress)
        await provision(stack.provision_settings())

    _guarded(lambda: _run(stack, console, start))


@main.command()
def down() -> None:
    """Stop everything; data stays."""
    stack = Stack(StackSettings())

    def stop() -> None:
        with stack.exclusively():
            stack.stop()

    _guarded(stop)


@main.command()
def status() -> None:
    """Show every part; the exit code is 1 when one is not ready."""
    stack = Stack(StackSettings())
    parts = asyncio.run(stack.status())
    table = Table("part", "state", "pid", "port", "up", box=None)
    for one in parts:
        state = f"[red]{one.why}[/red]" if one.why else "[green]ready[/green]"
        table.add_row(
            one.part.name,
            state,
            str(one.pid or "-"),
            str(one.part.ports[0].number),
            f"{one.uptime_s:.0f} s" if one.pid else "-",
        )
    Console().print(table)
    sys.exit(any(one.why for one in parts))


@main.command("lock-jars")
def lock() -> None:
    """Resolve Kafka's dependencies anew and rewrite the jar lock file."""
    lock_jars()


def _run(stack: Stack, console: Console, start) -> None:
    with stack.exclusively(), Progress(console) as progress:
        asyncio.run(start(progress))


def _guarded(action: Callable[[], None]) -> None:
    try:
        action()
    except* _EXPECTED as group:
        for error in group.exceptions:
            click.echo(f"error: {error}", err=True)
        sys.exit(1)
