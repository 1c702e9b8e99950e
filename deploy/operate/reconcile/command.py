"""The command line of the comparison."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import click
from rich.console import Console
from rich.table import Table

from deploy.local.settings import StackSettings
from deploy.operate.errors import OperatorError
from deploy.operate.reconcile.accounts import Miss, Report
from deploy.operate.reconcile.compare import Request, compare
from deploy.operate.settings import load_settings

_SHOWN: Final = 20
_TELL_EVERY_S: Final = 1.0
_ALWAYS: Final = ("told", "in_kafka", "persisted", "rejected", "lost", "duplicated", "unscored")
_COLUMNS: Final = (
    "told", "in_kafka", "copies", "persisted", "rejected", "waiting", "lost", "duplicated", "miscounted", "unscored",
    "unscored_waiting",
)  # fmt: skip


@click.command()
@click.option("--receipts", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Ledger of acknowledged batches; by default those of this machine's clients.")  # fmt: skip
@click.option("--tenant", help="Only this tenant.")
@click.option("--wait-s", type=click.FloatRange(min=0), default=60.0, show_default=True,
              help="Longest wait for what is under way.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every batch that misses here.")
def reconcile(receipts: tuple[Path, ...], tenant: str | None, wait_s: float, out: Path | None) -> None:
    """Compare what clients were told, what Kafka holds and what PostgreSQL holds.

    The last line is one JSON object. The exit code is 0 when every batch is accounted for, 1 when not, 2 when a source
    cannot be read.
    """
    console = Console()
    try:
        settings = load_settings()
        ledgers = receipts or tuple(sorted(StackSettings().receipts.glob("*.jsonl")))
        request = Request(settings.brokers, settings.postgres_dsn, settings.topic_prefix, ledgers, tenant, wait_s)
        with _listing(out) as listing:
            report = asyncio.run(compare(request, _Teller().say, listing.add))
    except OperatorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    _show(console, report)
    listing.show(console)
    click.echo(json.dumps(report.document()))
    sys.exit(not report.clean)


class _Listing:
    """The batches that miss: the first few for the screen, all of them in a file when one is given."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._first: list[Miss] = []
        self._count = 0

    def add(self, miss: Miss) -> None:
        """Take one."""
        self._count += 1
        if len(self._first) < _SHOWN:
            self._first.append(miss)
        if self._file is not None:
            self._file.write(json.dumps(miss.document()) + "\n")

    def show(self, console: Console) -> None:
        """Print the first ones."""
        for miss in self._first:
            console.print(f"{miss.what} {json.dumps(miss.document())}", soft_wrap=True, highlight=False, markup=False)
        if self._count > len(self._first):
            console.print(f"and {self._count - len(self._first):,} more; --out FILE writes all of them")


@contextmanager
def _listing(out: Path | None) -> Iterator[_Listing]:
    if out is None:
        yield _Listing(None)
        return
    with out.open("w", encoding="utf-8") as file:
        yield _Listing(file)


class _Teller:
    """Lines of progress, not more than one a second."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def say(self, text: str) -> None:
        """Say how far it is."""
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._told_s = time.monotonic()
            click.echo(text, err=True)


def _show(console: Console, report: Report) -> None:
    seen = sum(end - first for first, end in report.ranges.values())
    passed = [f"{name} from {first}" for name, (first, _) in report.ranges.items() if first > 0]
    console.print(
        f"{seen:,} records on the broker" + (f"; retention has passed: {', '.join(passed)}" if passed else "")
    )
    table = Table("tenant", box=None)
    total = report.total
    columns = [name for name in _COLUMNS if name in _ALWAYS or getattr(total, name)]
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for tenant, books in sorted(report.tenants.items()):
        table.add_row(tenant, *(f"{getattr(books, column):,}" for column in columns))
    table.add_row("all", *(f"{getattr(total, column):,}" for column in columns), style="bold")
    console.print(table)
    for line in report.unbalanced:
        console.print(f"unbalanced {line}", highlight=False, markup=False, soft_wrap=True)
