"""``python -m benchmarks.sdk``: the last line is one JSON object with every figure."""

import json
import sys

import click

from benchmarks.measuring import end_in_order_on_sigterm, machine
from benchmarks.sdk.measurement import measure


@click.command()
def main() -> None:
    """Measure the Python client's events a second."""
    end_in_order_on_sigterm()
    figures = machine() | measure(lambda line: click.echo(f"sdk: {line}", err=True))
    for name, value in figures.items():
        click.echo(f"  {name:28} {value}")
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
