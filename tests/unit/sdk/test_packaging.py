"""The client stands alone: customers install it without the rest of the project."""

import ast
import sys
import tomllib
from pathlib import Path

import telltale

SOURCES = Path(telltale.__file__).parent
PROJECT = SOURCES.parents[1]
IMPORT_NAMES = {"httpx": "httpx", "msgspec": "msgspec", "tenacity": "tenacity", "uuid-utils": "uuid_utils"}


def imported_packages() -> set[str]:
    names = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names.add((node.module or "").split(".")[0])
    return names


def test_it_imports_its_declared_dependencies_and_nothing_else() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    packages = {IMPORT_NAMES[dependency.split(">")[0]] for dependency in declared}
    assert imported_packages() - set(sys.stdlib_module_names) - {"telltale"} == packages


def test_it_says_one_version_and_that_it_is_typed() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert telltale.__version__ == declared
    assert (SOURCES / "py.typed").exists()


def test_every_public_name_is_there_and_documented() -> None:
    for name in telltale.__all__:
        if not name.startswith("__"):
            assert getattr(telltale, name).__doc__, name
