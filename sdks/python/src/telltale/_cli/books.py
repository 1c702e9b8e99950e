"""What became of everything a command sent: for the summary, the exit code and the progress bar."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import click

from telltale._cli.common import BAD_ANSWER, INTERRUPTED, UNAVAILABLE, write_json
from telltale._models import Dropped, Stats

_BAD_LINES_SHOWN: Final = 10
_MEANINGS: Final = {
    "refused": "refused by the server",
    "unavailable": "not delivered in time",
    "unknown": "sent, but never answered: the server may have them",
    "closed": "never sent",
}


class Books:
    """Counts what was lost and why.

    Parameters
    ----------
    warn
        Told of lines that hold nothing to send.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.lost: Counter[str] = Counter()
        self.why = ""
        self.bad_lines = 0
        self.interrupted = False

    def dropped(self, dropped: Dropped) -> None:
        """Count what the client gave up; what did not fit its buffer was offered again."""
        if dropped.reason != "buffer_full":
            self.lost[dropped.reason] += dropped.event_count
            places = dropped.problem.errors if dropped.problem else []
            first = f" ({places[0].pointer}: {places[0].detail or places[0].code})" if places else ""
            self.why = self.why or f"{dropped.detail}{first}"

    @property
    def server_is_away(self) -> bool:
        """Whether something could not be delivered, so that more will not be either."""
        return bool(set(self.lost) - {"refused"})

    def bad(self, line_number: int, why: str) -> None:
        """Tell of a line that holds nothing to send."""
        self.bad_lines += 1
        if self.bad_lines <= _BAD_LINES_SHOWN:
            self._warn(f"line {line_number}: {why}")

    def close(self, stats: Stats, found: dict[str, Any], *, as_json: bool) -> None:
        """Write the summary and end the command with its exit code."""
        summary = found | {
            "events": stats.added,
            "delivered": stats.delivered,
            "lost": dict(self.lost),
            "bad_lines": self.bad_lines,
            "interrupted": self.interrupted,
        }
        if as_json:
            write_json(summary)
        else:
            counts = [f"{value:,} {name.replace('_', ' ')}" for name, value in found.items() if isinstance(value, int)]
            click.echo(", ".join([*counts, f"{stats.delivered:,} of {stats.added:,} events delivered"]))
            for reason, events in self.lost.items():
                click.echo(f"{events:,} events {_MEANINGS.get(reason, reason)}", err=True)
            if self.why:
                click.echo(f"the first reason: {self.why}", err=True)
            if self.bad_lines:
                click.echo(f"{self.bad_lines:,} lines held nothing to send", err=True)
            if self.interrupted:
                click.echo("interrupted: what is counted as delivered is there, the rest was not sent", err=True)
        raise click.exceptions.Exit(self._exit_code())

    def _exit_code(self) -> int:
        if self.interrupted:
            return INTERRUPTED
        if self.server_is_away:
            return UNAVAILABLE
        return BAD_ANSWER if self.lost or self.bad_lines else 0
