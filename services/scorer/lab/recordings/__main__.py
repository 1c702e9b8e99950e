"""Make files of public recordings of people: ``python -m services.scorer.lab.recordings FOLDER``.

FOLDER holds checkouts or unpacked copies of the sources' GitHub repositories, each in a folder named ``owner+name``.
What is missing is told, with the name to get it by, and the rest is made all the same. The last line is one JSON
object: the sessions of each source.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.scorer.lab.recordings.recorded import Recorded, spread
from services.scorer.lab.recordings.sources import SOURCES, Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert every source that is there; give the exit code: 2 when there is none."""
    names = [source.name for source in SOURCES]
    parser = argparse.ArgumentParser(prog="python -m services.scorer.lab.recordings", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data"), metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    options = parser.parse_args(arguments)
    counts: dict[str, int] = {}
    for source in SOURCES:
        if source.name in options.only and (sessions := _sessions(source, options.folder)):
            _write(options.out / (source.file or f"{source.name}.jsonl.gz"), source, sessions)
            counts[source.name] = len(sessions)
    print(json.dumps(counts))  # noqa: T201
    return 0 if counts else 2


def _sessions(source: Source, folder: Path) -> list[Recorded]:
    """Read a source's repositories; without one of them its file would be another, so none is made."""
    folders = {repository: folder / repository.replace("/", "+") for repository in source.readers}
    missing = {repository: path for repository, path in folders.items() if not path.is_dir()}
    for repository, path in missing.items():
        _tell(f"{source.name}: no {path}; get {repository} from GitHub")
    if missing:
        return []
    read = [session for repository, path in folders.items() for session in source.readers[repository](path)]
    kept = spread(read, source.most)
    people = len({session.person for session in kept if session.person})
    _tell(f"{source.name}: {len(kept)} of {len(read)} sessions, {people or 'unknown'} people")
    return kept


def _write(file: Path, source: Source, sessions: Iterable[Recorded]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without a time in its head, the same recordings give the same file.
    with file.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as out:
        for name, person, events in sessions:
            told = {"session": name, "group": source.group or source.name, "label": "human", "participant": person}
            out.write(json.dumps(told | {"events": events}).encode() + b"\n")


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
