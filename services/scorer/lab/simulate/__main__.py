"""Simulate sessions: ``python -m services.scorer.lab.simulate --sessions 2000 --seed 1 --out FILE.jsonl.gz``."""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from services.scorer.lab.simulate.families import FAMILIES
from services.scorer.lab.simulate.sessions import Session, event_count, simulate_all


@click.command()
@click.option("--sessions", default=1_000, show_default=True, help="How many, over all families.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same sessions.")
@click.option("--families", default="", help="Only these, comma separated.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="FILE.jsonl, or FILE.jsonl.gz.")
@click.option("--list", "listing", is_flag=True, help="List the families.")
def main(sessions: int, seed: int, families: str, out: Path | None, listing: bool) -> None:
    """Simulate people and bots. The last line is one JSON object."""
    names = [name.strip() for name in families.split(",") if name.strip()] or list(FAMILIES)
    if unknown := sorted(set(names) - set(FAMILIES)):
        raise click.BadParameter(f"there is no {', '.join(unknown)}; --list lists them", param_hint="--families")
    if listing:
        _list(names)
        return
    made = track(
        simulate_all(names, sessions, seed), "simulating", total=sessions, console=Console(stderr=True), transient=True
    )
    counts = _write(out, made) if out else _count(made)
    click.echo(json.dumps(counts))


def _write(out: Path, made: Iterable[Session]) -> dict[str, object]:
    with gzip.open(out, "wb", compresslevel=5) if out.suffix == ".gz" else out.open("wb") as file:

        def written() -> Iterator[Session]:
            for session in made:
                file.write(msgspec.json.encode(session) + b"\n")
                yield session

        return _count(written())


def _count(made: Iterable[Session]) -> dict[str, object]:
    events: Counter[str] = Counter()
    sessions: Counter[str] = Counter()
    for session in made:
        sessions[session["group"]] += 1
        events[session["group"]] += event_count(session)
    return {
        "sessions": sessions.total(),
        "events": events.total(),
        "by_family": {name: {"sessions": sessions[name], "events": events[name]} for name in sessions},
    }


def _list(names: list[str]) -> None:
    table = Table("family", "label", "device", "what it is")
    for name in names:
        family = FAMILIES[name]
        table.add_row(name, family.label, family.device, family.about)
    Console(file=sys.stdout, width=120).print(table)


if __name__ == "__main__":
    main()
