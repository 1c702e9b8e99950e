"""Say how verdicts come out, on makers the models never met, or on a file of your own.

``python -m services.scorer.lab.evaluate`` holds out every bot family, every person and every source in turn and writes
``docs/detection.md``. ``--sessions FILE --out FILE`` scores outside recordings (see ``sessions``) with the live rules
and models. The last line is one JSON object.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from services.scorer.lab.outside import score_file
from services.scorer.pipeline import load_ruleset
from shared.topics import Domain


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; give the exit code: 2 when a file cannot be read or written."""
    options = _parser().parse_args(arguments)
    if options.sessions is None:
        from services.scorer.lab.study import study  # what it draws with is no part of what runs live
        from services.scorer.lab.train import learning_table

        print(json.dumps(study(learning_table(), options.report)))  # noqa: T201
        return 0
    try:
        summary = score_file(options.sessions, options.out, load_ruleset(Domain.BEHAVIOR))
    except OSError as error:
        print(f"cannot score {options.sessions}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(summary.describe()))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.scorer.lab.evaluate", description=__doc__)
    parser.add_argument("--sessions", type=Path, help="outside recordings, one JSON object a line, gzipped or not")
    parser.add_argument("--out", type=Path, default=Path("verdicts.jsonl"), help="where their verdicts go")
    parser.add_argument("--report", type=Path, default=Path("docs"), help="where detection.md and its plots go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
