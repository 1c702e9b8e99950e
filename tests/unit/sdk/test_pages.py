"""The pages on the client and its command line show only what there is."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import telltale
from telltale._cli.commands import telltale as cli
from telltale.asgi import EdgeFacts

ROOT = Path(__file__).parents[3]
SDK, CLI = ROOT / "docs/python-sdk.md", ROOT / "docs/cli.md"
PYTHON = [(page, block) for page in (SDK, ROOT / "sdks/python/README.md") for block in
          re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]  # fmt: skip
KINDS: dict[str, list[Any]] = {
    "telltale": [telltale],
    "client": [telltale.AsyncClient, telltale.Client],
    "session": [telltale.Subject],
}


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=lambda value: getattr(value, "name", ""))
def test_every_name_in_an_example_is_there(page: Path, block: str) -> None:
    tree = compile(block, page.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert all(hasattr(kind, node.attr) for kind in KINDS.get(node.value.id, [])), node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "EdgeFacts":
            known = EdgeFacts.__init__.__annotations__
            assert {keyword.arg for keyword in node.keywords} <= known.keys()


def test_every_call_about_sessions_is_named() -> None:
    named = set(re.findall(r"^\| `(\w+)\(", SDK.read_text(), re.MULTILINE))
    assert named == {name for name in dir(telltale.AsyncClient) if "session" in name and not name.startswith("_")}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found |= commands(command, (*path, name)) if isinstance(command, click.Group) else {(*path, name): command}
    return found


COMMANDS = commands(cli)
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", CLI.read_text(), re.DOTALL))
LINES = re.findall(r"(?:^|\| )(telltale [a-z-]+[^|#\n]*)", SHELL, re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_shown_can_be_read(line: str) -> None:
    words = shlex.split(line)[1:]
    path = next(path for path in COMMANDS if tuple(words[: len(path)]) == path)
    command = COMMANDS[path]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_command_and_every_exit_code_is_on_the_page() -> None:
    page = CLI.read_text()
    assert len(LINES) >= 8
    assert {" ".join(path) for path in COMMANDS} == set(
        re.findall(r"^\| `telltale ((?:keys )?[a-z-]+)", page, re.MULTILINE)
    )
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == ["0", "1", "2", "3", "130"]


def test_every_variable_is_on_the_page() -> None:
    variables = {p.envvar for command in COMMANDS.values() for p in command.params if p.envvar} - {
        "TELLTALE_TOPIC_PREFIX"
    }
    assert {name for name in variables if f"{name}" not in CLI.read_text()} == set()
