"""The client stands alone: customers install it without the rest of the project."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import telltale
from telltale import asgi

SOURCES = Path(telltale.__file__).parent
PROJECT = tomllib.loads((SOURCES.parents[1] / "pyproject.toml").read_text())["project"]
IMPORT_NAMES = {"uuid-utils": "uuid_utils", "opentelemetry-api": "opentelemetry"}
# By extra: the modules that may import what it brings.
EXTRAS = {"cli": ["_cli/*.py"], "kafka": ["_cli/kafka.py"], "otel": ["_tracing.py"]}


def imported_packages(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add((node.module or "").split(".")[0])
    return names - set(sys.stdlib_module_names) - {"telltale"}


def packages_of(dependencies: list[str]) -> set[str]:
    names = [re.split(r"[<>=!~\[ ]", dependency)[0] for dependency in dependencies]
    return {IMPORT_NAMES.get(name, name) for name in names}


def test_it_imports_its_declared_dependencies_and_nothing_else() -> None:
    base, used = packages_of(PROJECT["dependencies"]), set[str]()
    for path in SOURCES.rglob("*.py"):
        extra = {
            package
            for name, patterns in EXTRAS.items()
            if any(path in SOURCES.glob(pattern) for pattern in patterns)
            for package in packages_of(PROJECT["optional-dependencies"][name])
        }
        imported = imported_packages(path)
        assert imported <= base | extra, path
        used |= imported
    assert used == base.union(*(packages_of(PROJECT["optional-dependencies"][name]) for name in EXTRAS))
    assert PROJECT["optional-dependencies"].keys() == EXTRAS.keys()


def test_it_says_one_version_and_that_it_is_typed() -> None:
    assert telltale.__version__ == PROJECT["version"]
    assert (SOURCES / "py.typed").exists()
    assert f"## {PROJECT['version']}\n" in (SOURCES.parents[1] / "CHANGELOG.md").read_text()


def test_every_public_name_is_there_and_documented() -> None:
    for name in telltale.__all__:
        if not name.startswith("__"):
            assert getattr(telltale, name).__doc__, name
    assert asgi.EdgeFacts.__doc__
