"""The group of commands; each is imported only when it is called, so that one cannot slow or break another."""

import logging
from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = {
    "reconcile": "deploy.operate.reconcile.command:reconcile",
    "dead-letters": "deploy.operate.dead_letters.command:dead_letters",
    "doctor": "deploy.operate.doctor.command:doctor",
    "replay": "deploy.operate.replay.command:replay",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Lazy)
def main() -> None:
    """Look after a running system: find what is broken, compare the books, see to the dead letters, prove a verdict."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is an answer here, not news
