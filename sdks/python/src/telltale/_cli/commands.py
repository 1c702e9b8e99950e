"""The group of commands; each is imported only when it is called, so that none slows another."""

from importlib import import_module
from typing import Final

import click

from telltale._http import VERSION

_COMMANDS: Final = {
    "send": "sending:send",
    "replay": "playing:replay",
    "simulate": "playing:simulate",
    "tail": "tailing:tail",
    "explain": "asking:explain",
    "session": "asking:session",
    "keys": "asking:keys",
    "dead-letters": "dead_letters:dead_letters",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"telltale._cli.{module}"), name)
        return command


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The API key is read from TELLTALE_API_KEY. Exit codes: 0 all is well, 1 the answer is bad (refused, not"
    " found), 2 the command was used wrongly, 3 a server is not available, 130 ended by Ctrl-C.",
)
@click.version_option(VERSION, prog_name="telltale")
def telltale() -> None:
    """Send behaviour to Telltale, watch its verdicts, and ask why they are what they are."""
