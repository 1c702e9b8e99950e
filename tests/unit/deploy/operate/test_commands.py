"""What an operator is told before anything is connected."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploy.operate.cli import main


def test_every_command_is_there() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        assert main.get_command(context, name) is not None
    assert main.get_command(context, "nothing") is None


@pytest.mark.parametrize(
    "words",
    [
        ["reconcile"],
        ["dead-letters", "list"],
        ["dead-letters", "redrive", "--reason", "undecodable"],
        ["replay", "0" * 32],
    ],
)
def test_without_a_password_the_next_step_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path))
    monkeypatch.delenv("TELLTALE_OPERATOR_PASSWORD", raising=False)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "TELLTALE_OPERATOR_PASSWORD" in done.stderr and "`make up`" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["dead-letters", "redrive"],
        ["dead-letters", "redrive", "--reason", "undecodable", "0" * 32],
        ["dead-letters", "show", "x"],
        ["dead-letters", "list", "--since", "soon"],
        ["dead-letters", "list", "--reason", "no-such"],
        ["replay"],
        ["replay", "x"],
    ],
)
def test_a_wrong_word_is_said_to_be_wrong(words: list[str]) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr
