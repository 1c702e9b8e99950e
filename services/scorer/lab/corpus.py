"""What the lab learns from and is tried on: recordings of people and bots, and the simulator's.

People are held out by person, bots by the program that made them: whoever shares a ``maker`` is never on both sides.
Recordings that are not there are left out, and told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.scorer.lab.recordings.sources import SOURCES as RECORDINGS
from services.scorer.lab.sessions import BadLine, Session, read_sessions, session_of
from services.scorer.lab.simulate.families import FAMILIES
from services.scorer.lab.simulate.sessions import simulate

# Where recordings are looked for; the second is for those that one fetches oneself.
FOLDERS: Final = (Path("../shared/data"), Path("data"))
SIMULATOR: Final = "simulator"


@dataclass(frozen=True, slots=True)
class Source:
    """A file of recordings.

    ``learn`` tells whether a model that is shipped may learn from it.
    """

    name: str
    file: str
    learn: bool


SOURCES: Final = (
    Source("delbot", "delbot_mouse.jsonl.gz", learn=True),
    Source("balabit", "balabit_mouse.jsonl.gz", learn=True),
    # Its licence allows no commercial use: people to be tried on, never learned from.
    Source("aalto", "aalto_keystrokes.jsonl.gz", learn=False),
    *(Source(one.name, one.file or f"{one.name}.jsonl.gz", learn=True) for one in RECORDINGS),
    # Bots: sessions of the libraries that bots are made with, run with a stub in place of the cursor.
    Source("libraries", "libraries.jsonl.gz", learn=True),
)
# Programs that move as one of the libraries does.
_SAME_MAKER: Final = {"delbot/bot_pyhm": "pyhm", "delbot/bot_naturalmousemotion": "naturalmousemotion"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a labelled session comes from.

    ``group`` is a bot's family or a person's cohort; ``maker`` is who is held out as one; ``learn`` tells whether a
    model that is shipped may learn from it.
    """

    source: str
    group: str
    maker: str
    bot: bool
    learn: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled session."""

    origin: Origin
    session: Session


def path_of(source: Source) -> Path | None:
    """Find a source's file; None when it is not there."""
    return next((path for folder in FOLDERS if (path := folder / source.file).is_file()), None)


def read_corpus() -> Iterator[Sample]:
    """Read every source that is there."""
    for source in SOURCES:
        if (path := path_of(source)) is not None:
            yield from read_source(path, source.name, source.learn)


def read_source(path: Path, name: str, learn: bool) -> Iterator[Sample]:
    """Read one file of labelled sessions."""
    for session in read_sessions(path):
        if isinstance(session, BadLine) or session.label is None:
            continue
        bot, group = session.label == "bot", name if session.group == name else f"{name}/{session.group}"
        # Of a bot, the participant is the code that several libraries share.
        maker = session.person or _SAME_MAKER.get(group, group) if bot else f"{group}/{session.person}"
        yield Sample(Origin(name, group, maker, bot, learn), session)


def simulated(people: int, bots: int, seed: int) -> Iterator[Sample]:
    """Simulate so many sessions of each cohort and family; every simulated person is another."""
    for name, family in FAMILIES.items():
        bot = family.label == "bot"
        for index in range(bots if bot else people):
            session = session_of(simulate(name, seed, index), name)
            group = f"{SIMULATOR}/{name}"
            yield Sample(Origin(SIMULATOR, group, group if bot else f"{group}/{index}", bot, learn=True), session)


def simulated_count(people: int, bots: int) -> int:
    """Count what ``simulated`` gives."""
    return sum(bots if family.label == "bot" else people for family in FAMILIES.values())
