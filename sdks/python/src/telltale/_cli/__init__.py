"""The command line ``telltale``."""

import sys


def main() -> None:
    """Run it, or say what it needs."""
    try:
        from telltale._cli.commands import telltale
    except ImportError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit(f"error: the command line needs {error.name}: pip install 'telltale[cli]'")
    telltale(prog_name="telltale")
