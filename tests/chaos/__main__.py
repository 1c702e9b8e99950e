"""``python -m tests.chaos``: random acts against a system of its own under load; afterwards everything is counted."""

import asyncio
import json
import logging
import sys
import time

import click

from deploy.local.bring_up import heed_signals
from deploy.local.settings import CHECKOUT
from tests.chaos.running import run
from tests.e2e.system import forget, running_system


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=200, show_default=True, help="How many acts.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides which, when, and to whom.")
def main(kills: int, seed: int) -> None:
    """Kill, stop, pause and restart parts of a running system under load, then check every book.

    The last line is the count as JSON. The exit code is 1 when something is not zero that must be.
    """
    started_s = time.monotonic()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is no news here
    heed_signals()
    home = CHECKOUT / f".telltale-chaos-{seed}"
    _tell("starting a system of its own")
    try:
        with running_system(home) as system:
            outcome = asyncio.run(run(system, kills, seed, _tell))
            _tell("stopping the system")
    except KeyboardInterrupt:
        _tell("stopped; nothing is left running")
        sys.exit(130)
    for line in outcome.findings.shown():
        click.echo(line, err=True)
    if outcome.stuck:
        click.echo(f"the system did not calm down: {outcome.stuck}", err=True)
    if outcome.went_well:
        forget(home)
    else:
        click.echo(f"logs and data are kept in {home}", err=True)
    click.echo(json.dumps(outcome.summary() | {"seed": seed, "seconds": round(time.monotonic() - started_s, 1)}))
    sys.exit(not outcome.went_well)


def _tell(line: str) -> None:
    click.echo(f"chaos: {line}", err=True)


if __name__ == "__main__":
    main()
