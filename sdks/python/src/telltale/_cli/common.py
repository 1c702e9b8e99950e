"""What commands share: options, the way to a server, errors that say what to do next."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, Final, NoReturn, TypeVar

import click
import msgspec

from telltale._client import AsyncClient
from telltale._errors import Refused, TelltaleError, Unauthenticated
from telltale._models import Limits, Verdict

API_KEY: Final = "TELLTALE_API_KEY"
BAD_ANSWER: Final = 1
UNAVAILABLE: Final = 3
INTERRUPTED: Final = 130
NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
# A person waits: rather say soon that there is no answer.
PATIENCE: Final = Limits(deadline_s=3.0, request_timeout_s=10.0, max_backoff_s=1.0)
_REASONS_SHOWN: Final = 3
_COLOURS: Final = {"ALLOW": "green", "CHALLENGE": "yellow", "REVIEW": "magenta", "BLOCK": "red"}

_Answer = TypeVar("_Answer")

url_option: Final = click.option(
    "--url", envvar="TELLTALE_URL", default="http://127.0.0.1:8080", show_default=True, show_envvar=True,
    help="The gateway.",
)  # fmt: skip
insights_option: Final = click.option(
    "--insights-url", envvar="TELLTALE_INSIGHTS_URL", default="http://127.0.0.1:8081", show_default=True,
    show_envvar=True, help="Insights.",
)  # fmt: skip
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")


class Failed(click.ClickException):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, exit_code: int = BAD_ANSWER) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: Any = None) -> None:
        """Write the message as one line."""
        click.echo(f"error: {self.message}", err=True)


def api_key() -> str:
    """Give the key. It is no option: command lines can be read by other users of the machine."""
    key = os.environ.get(API_KEY, "")
    if not key:
        raise click.UsageError(f"set {API_KEY} to an API key of yours (tt_...)")
    return key


def open_client(url: str, **settings: Any) -> AsyncClient:
    """Make a client that gives up soon."""
    try:
        return AsyncClient(url, api_key(), limits=PATIENCE, **settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def run(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run a command's work; Ctrl-C ends it without a word."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None


def fail(error: TelltaleError, url: str) -> NoReturn:
    """End the command, saying what can be done about an error."""
    if isinstance(error, Unauthenticated):
        if error.problem.status == _FORBIDDEN:
            raise Failed(
                f"the key may not do this ({error}): a publishable key is for pages, take a secret one (tt_...)"
            )
        raise Failed(f"{url} does not know the key in {API_KEY}: is it this server's, and was it not revoked?")
    if isinstance(error, Refused):
        raise Failed(f"{url} refuses: {error}")
    raise Failed(f"{url} gives no good answer ({error}): does it run, and is the address right?", UNAVAILABLE)


def write_json(document: Any) -> None:
    """Write one JSON line."""
    click.echo(msgspec.json.encode(document))


def verdict_text(verdict: Verdict) -> str:
    """Write a verdict's action and risk; `click.echo` takes colours away where they are not wanted."""
    action = click.style(f"{verdict.action:<9}", fg=_COLOURS.get(verdict.action), bold=True)
    return f"{action}  risk {verdict.risk_score:.2f}"


def reasons_text(verdict: Verdict) -> str:
    """Name the strongest reasons."""
    strongest = sorted(verdict.reasons, key=lambda reason: -reason.contribution)[:_REASONS_SHOWN]
    return ", ".join(reason.code for reason in strongest) or "no reasons"
