"""How far a long command is, on standard error: a bar on a terminal, elsewhere a line every two seconds."""

import sys
import threading
from types import TracebackType
from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

_PLAIN_EVERY_S: Final = 2.0


class Meter:
    """Shows how much of something is done. Use as a context.

    Parameters
    ----------
    what
        What is going on, in a word.
    total
        What `show` counts up to; None when nobody knows.
    """

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._done, self._note = 0, ""
        self._over = threading.Event()
        console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, redirect_stdout=False)
            self._task = self._bar.add_task(what, total=total, note="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        else:
            threading.Thread(target=self._tell, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, note: str) -> None:
        """Show how much is done, with a note beside it."""
        self._done, self._note = done, note
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, note=note)

    def say(self, line: str) -> None:
        """Write a line to standard output, above the bar where they share a terminal."""
        if self._bar is not None and sys.stdout.isatty():
            self._above(line)
        else:
            click.echo(line)

    def warn(self, line: str) -> None:
        """Write a line to standard error, above the bar."""
        if self._bar is not None:
            self._above(line)
        else:
            click.echo(line, err=True)

    def _above(self, line: str) -> None:
        assert self._bar is not None
        self._bar.console.print(Text.from_ansi(line), soft_wrap=True)

    def _tell(self) -> None:
        while not self._over.wait(_PLAIN_EVERY_S):
            share = f"{self._done / self._total:.0%}" if self._total else ""
            parts = [part for part in (share, self._note) if part]
            click.echo(f"{self._what}: {', '.join(parts) or 'nothing done yet'}", err=True)
