"""The command line of the replay."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from deploy.local.demo import ensure_demo_key
from deploy.local.errors import NeedsAttention
from deploy.local.recorded import RECORDINGS
from deploy.local.replay import LEDGER, SPEED, replay, went_well
from deploy.local.settings import StackSettings
from deploy.local.stack import Stack


@click.command()
@click.option("--sessions", type=click.IntRange(min=1), help="How many sessions; all of them when not given.")
@click.option("--speed", type=click.FloatRange(min=0.1), default=SPEED, show_default=True, help="Times faster.")
@click.option("--recordings", type=click.Path(path_type=Path), default=RECORDINGS, help="File of recordings.")
def main(sessions: int | None, speed: float, recordings: Path) -> None:
    """Replay recorded people and bots to the running local system; the last line is the count as JSON.

    The exit code is 1 when anything was lost, doubled or not judged.
    """
    stack = Stack(StackSettings())
    if not stack.running():
        raise click.ClickException("the system does not run; start it with `make up DETACH=1`")

    async def run() -> dict[str, Any]:
        key = await ensure_demo_key(stack.provision_settings().owner_dsn, stack.settings.root)
        ledger = stack.settings.receipts / LEDGER
        return await replay(stack.addresses(key), sessions=sessions, speed=speed, recordings=recordings, ledger=ledger)

    try:
        summary = asyncio.run(run())
    except NeedsAttention as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(summary))
    sys.exit(not went_well(summary))
