"""The persister's SQL, kept in a ``.sql`` file and taken by name."""

import re
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_queries() -> dict[str, str]:
    """Read every named query."""
    parts = _NAME.split(files(__package__).joinpath("queries.sql").read_text("utf-8"))
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
