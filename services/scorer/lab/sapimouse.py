"""Make a file of the SapiMouse recordings: ``python -m services.scorer.lab.sapimouse FOLDER``.

FOLDER holds the raw data as its authors give them, ``user<n>/session_<m>min.csv`` with the columns ``client timestamp``
(ms), ``button``, ``state``, ``x`` and ``y`` (pixels). Source: M. Antal, N. Fejer, K. Buza, "SapiMouse: Mouse
Dynamics-based User Authentication Using Deep Feature Learning", 2021. The last line is one JSON object.
"""

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

_KINDS: Final = {"Move": "move", "Drag": "move", "Pressed": "down", "Released": "up"}
# A session is cut into parts as long as those of the other sources.
_PART: Final = 1_000
_PARTS: Final = 3
_LEAST: Final = 100


def sessions_of(file: Path) -> Iterator[dict[str, Any]]:
    """Read one recording; give its parts as lines that ``sessions`` reads."""
    with file.open(newline="", encoding="utf-8") as lines:
        events = [
            [float(row["client timestamp"]), _KINDS[row["state"]], float(row["x"]), float(row["y"])]
            for row in csv.DictReader(lines)
            if row["state"] in _KINDS
        ]
    person = file.parent.name
    for number in range(_PARTS):
        part = events[number * _PART : (number + 1) * _PART]
        if len(part) >= _LEAST:
            name = f"{person}-{file.stem}-{number}"
            yield {"session": name, "group": "human_web", "label": "human", "participant": person, "events": part}


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert every recording; give the exit code: 2 when there is none."""
    parser = argparse.ArgumentParser(prog="python -m services.scorer.lab.sapimouse", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/sapimouse_mouse.jsonl.gz"))
    options = parser.parse_args(arguments)
    files = sorted(options.folder.glob("user*/session_*min.csv"))
    if not files:
        print(f"no user*/session_*min.csv in {options.folder}: give the folder of the raw data", file=sys.stderr)  # noqa: T201
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    # Without a time in its head, the same recordings give the same file.
    with options.out.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as out:
        for file in files:
            for session in sessions_of(file):
                out.write(json.dumps(session).encode() + b"\n")
                count += 1
    print(json.dumps({"recordings": len(files), "sessions": count, "out": str(options.out)}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
