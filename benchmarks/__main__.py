"""``python -m benchmarks [PART...]``: run measurements; the last line is one JSON object with every figure."""

import importlib
import json
import sys
import time
from typing import Any, Final

import click

from benchmarks.measuring import end_in_order_on_sigterm, machine, unpinned_after

PARTS: Final = ("gateway", "scorer", "persister", "memory", "path", "latency", "sessions", "growth")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
def main(parts: tuple[str, ...]) -> None:
    """Measure PARTS, or all of them."""
    end_in_order_on_sigterm()
    figures: dict[str, Any] = machine()
    for part in parts or PARTS:
        started_s = time.monotonic()
        click.echo(f"{part}: measuring", err=True)
        with unpinned_after():
            found = importlib.import_module(f"benchmarks.{part}").measure(
                lambda line, part=part: click.echo(f"{part}: {line}", err=True)
            )
        for name, value in found.items():
            click.echo(f"  {name:44} {value}")
        click.echo(f"{part}: done in {time.monotonic() - started_s:.0f} s", err=True)
        figures |= found
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
