"""Named SQL queries out of the ``.sql`` files beside this module."""

import re
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (?P<name>[a-z_]+)\n", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    r"""Split a file at its ``-- name: <name>`` lines.

    >>> parse("-- About all.\n-- name: one\nSELECT 1;\n-- name: two\nSELECT 2;\n")
    {'one': 'SELECT 1', 'two': 'SELECT 2'}

    Raises
    ------
    ValueError
        When a name comes twice.
    """
    _, *parts = _NAME.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError("a query's name comes twice")
    return {name: body.strip().removesuffix(";") for name, body in zip(names, bodies, strict=True)}


def load(file_name: str) -> dict[str, str]:
    """Read the queries of one file."""
    return parse(files(__name__).joinpath(file_name).read_text())
