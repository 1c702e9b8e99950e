"""What a person sees while the system starts: one line a part, redrawn on a terminal, plain lines elsewhere."""

import time
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_PLAIN_EVERY: Final = 10
_UNDER_WAY: Final = "yellow"
_TELL_WAIT_AFTER_S: Final = 2.0


class Progress:
    """Lines of progress on the console. Use as a context."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started: dict[str, float] = {}
        self._lines: dict[str, tuple[str, str]] = {}
        self._live = Live(console=console, get_renderable=self._table) if console.is_terminal else None

    @property
    def console(self) -> Console:
        """Where other lines may be printed meanwhile."""
        return self._console

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def note(self, name: str, text: str) -> None:
        """Say what is going on with a part."""
        self._started.setdefault(name, time.monotonic())
        self._show(name, _UNDER_WAY, text)

    def count(self, name: str, what: str, done: int, total: int) -> None:
        """Say how much of something is done; off a terminal not at every step."""
        if self._live is not None or done == total or done % _PLAIN_EVERY == 0:
            self.note(name, f"{what} {done} of {total}")

    def ready(self, name: str, detail: str = "") -> None:
        """Say that a part is ready and how long it took."""
        took_s = time.monotonic() - self._started.setdefault(name, time.monotonic())
        self._show(name, "green", f"ready in {took_s:.1f} s" + (f", {detail}" if detail else ""))

    def failed(self, name: str, why: str) -> None:
        """Say that a part is not going to be ready."""
        self._show(name, "red", f"failed: {why}")

    def _show(self, name: str, style: str, text: str) -> None:
        if self._lines.get(name) == (style, text):
            return
        self._lines[name] = (style, text)
        if self._live is None:
            self._console.print(f"{name}: {text}", highlight=False, markup=False, soft_wrap=True)
            return
        self._live.refresh()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for part, (style, line) in self._lines.items():
            waited_s = time.monotonic() - self._started.get(part, time.monotonic())
            still = f", {waited_s:.0f} s" if style == _UNDER_WAY and waited_s >= _TELL_WAIT_AFTER_S else ""
            table.add_row(Text(part), Text(line + still, style=style))
        return table
