"""Simulate sessions: ``python -m services.scorer.lab.simulate --sessions 2000 --seed 1 --out FILE.jsonl.gz``.

With ``--send URL`` they go to a gateway, through the Python client; the API key is read from
``TELLTALE_LOAD_API_KEY``.
"""

import asyncio
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

import telltale
from services.scorer.lab.simulate.families import FAMILIES
from services.scorer.lab.simulate.load import send
from services.scorer.lab.simulate.sessions import Session, event_count, simulate_all

API_KEY_VARIABLE: Final = "TELLTALE_LOAD_API_KEY"


@click.command()
@click.option(
    "--sessions", default=1_000, type=click.IntRange(min=1), show_default=True, help="How many, over all families."
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same sessions.")
@click.option("--families", default="", help="Only these, comma separated.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="FILE.jsonl, or FILE.jsonl.gz.")
@click.option("--send", "url", help="Send them to this gateway.")
@click.option(
    "--rate",
    default=1_000.0,
    type=click.FloatRange(min=0, min_open=True),
    show_default=True,
    help="Events a second to send.",
)
@click.option("--list", "listing", is_flag=True, help="List the families.")
def main(
    sessions: int, seed: int, families: str, out: Path | None, url: str | None, rate: float, listing: bool
) -> None:
    """Simulate people and bots. The last line is one JSON object."""
    names = [name.strip() for name in families.split(",") if name.strip()] or list(FAMILIES)
    if unknown := sorted(set(names) - set(FAMILIES)):
        raise click.BadParameter(f"there is no {', '.join(unknown)}; --list lists them", param_hint="--families")
    if listing:
        _list(names)
        return
    made = track(simulate_all(names, sessions, seed), "simulating", total=sessions, console=Console(stderr=True))
    tally = _Tally()
    with _opened(out) as file:
        counted = tally.counted(made, file)
        outcome = asyncio.run(_send(counted, url, rate)) if url else _drained(counted)
    click.echo(json.dumps({**tally.summary(), **outcome}))
    if outcome.get("lost"):
        sys.exit(1)


class _Tally:
    """Counts sessions on their way, and writes them down."""

    def __init__(self) -> None:
        self._sessions: Counter[str] = Counter()
        self._events: Counter[str] = Counter()

    def counted(self, made: Iterable[Session], file: BinaryIO | None) -> Iterator[Session]:
        for session in made:
            self._sessions[session["group"]] += 1
            self._events[session["group"]] += event_count(session)
            if file is not None:
                file.write(msgspec.json.encode(session) + b"\n")
            yield session

    def summary(self) -> dict[str, Any]:
        by_family = {name: {"sessions": n, "events": self._events[name]} for name, n in self._sessions.items()}
        return {"sessions": self._sessions.total(), "events": self._events.total(), "by_family": by_family}


def _opened(out: Path | None) -> Any:
    if out is None:
        return nullcontext()
    return gzip.open(out, "wb", compresslevel=5) if out.suffix == ".gz" else out.open("wb")


def _drained(sessions: Iterator[Session]) -> dict[str, Any]:
    for _ in sessions:
        pass
    return {}


async def _send(sessions: Iterable[Session], url: str, rate: float) -> dict[str, Any]:
    key = os.environ.get(API_KEY_VARIABLE)
    if not key:
        raise click.ClickException(f"set {API_KEY_VARIABLE} to an API key")
    reasons: Counter[str] = Counter()
    async with telltale.AsyncClient(
        url, key, on_drop=lambda lost: reasons.update({lost.reason: lost.event_count})
    ) as client:
        stats = await send(sessions, client, rate)
    del reasons["buffer_full"]  # those were given again until they were taken
    return {"delivered": stats.delivered, "lost": dict(reasons)}


def _list(names: list[str]) -> None:
    table = Table("family", "label", "device", "what it is")
    for name in names:
        family = FAMILIES[name]
        table.add_row(name, family.label, family.device, family.about)
    Console(file=sys.stdout, width=120).print(table)


if __name__ == "__main__":
    main()
