"""``telltale replay`` and ``telltale simulate``: sessions sent one by one, each with its verdict."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import click
import msgspec

from telltale._cli.books import Books
from telltale._cli.checking import check_key
from telltale._cli.common import api_key, json_option, reasons_text, run, url_option, verdict_text
from telltale._cli.people import sessions_of
from telltale._cli.progress import Meter
from telltale._cli.recorded import Fields, RecordedSession, is_track, moved, read, span, timed_pieces
from telltale._client import AsyncClient
from telltale._errors import TelltaleError
from telltale._models import Limits, Verdict
from telltale._subject import Subject

_LIMITS: Final = Limits(linger_s=0.1, deadline_s=30.0, close_timeout_s=5.0)
_AT_ONCE: Final = 16
_WAIT_MS: Final = 3_000
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Send recorded sessions in their rhythm, and show verdicts.")
@click.argument("file", type=_FILE)
@click.option(
    "--speed", default=1.0, type=click.FloatRange(min=0, min_open=True), show_default=True, help="Times faster."
)
@url_option
@json_option
def replay(file: Path, speed: float, url: str, as_json: bool) -> None:
    """Send the recorded sessions of FILE in the rhythm they were recorded in, and show each one's verdict.

    Up to 16 sessions run at a time. Each becomes a new session; its recorded times are moved to now.
    """
    with file.open("rb") as opened:
        _play(url, "replaying", _read_sessions(opened), None, speed, as_json)


@click.command(short_help="Send sessions of people and bots, and show verdicts.")
@click.argument("file", type=_FILE, required=False)
@click.option("--sessions", default=9, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same sessions.")
@url_option
@json_option
def simulate(file: Path | None, sessions: int, seed: int, url: str, as_json: bool) -> None:
    """Make simple sessions of a person and two bots, send them, and show each one's verdict.

    With FILE, the sessions come from there, each as if it had just ended.
    """
    if file is None:
        _play(url, "simulating", enumerate(sessions_of(sessions, seed), start=1), sessions, None, as_json)
        return
    with file.open("rb") as opened:
        _play(url, "simulating", _read_sessions(opened), None, None, as_json)


Numbered = Iterator[tuple[int, RecordedSession | str]]


def _read_sessions(file: IO[bytes]) -> Numbered:
    for number, found in read(file):
        if isinstance(found, RecordedSession | str):
            yield number, found
        else:
            yield number, "a batch, no session: `telltale send` sends it"


def _play(url: str, what: str, sessions: Numbered, total: int | None, speed: float | None, as_json: bool) -> None:
    run(check_key(url))
    meter = Meter(what, total)
    books = Books(meter.warn)
    player = _Player(books, speed, as_json, meter.say)
    client = AsyncClient(
        url,
        api_key(),
        limits=_LIMITS,
        on_drop=books.dropped,
        on_receipt=lambda _: meter.show(player.done, f"{client.stats().delivered:,} events delivered"),
    )
    with meter:
        run(player.play_all(client, sessions))
    books.close(client.stats(), player.summary(), as_json=as_json)


class _Player:
    """Plays sessions and keeps count of the verdicts on them.

    Parameters
    ----------
    books
        Told of what is lost.
    speed
        How many times faster than recorded; None sends at once what has ended now.
    as_json
        Write verdicts for programs.
    say
        Takes a line for each verdict.
    """

    def __init__(self, books: Books, speed: float | None, as_json: bool, say: Callable[[str], None]) -> None:
        self._say = say
        self.done = 0
        self._books = books
        self._speed = speed
        self._as_json = as_json
        self._run_id = uuid.uuid4().hex[:8]
        self._actions: Counter[str] = Counter()
        self._by_label: dict[str, Counter[str]] = {}

    async def play_all(self, client: AsyncClient, sessions: Numbered) -> None:
        """Play every session, some at a time, until all are judged or Ctrl-C."""
        async with client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(_AT_ONCE):
                        group.create_task(self._play_some(client, sessions))
            except asyncio.CancelledError:
                self._books.interrupted = True
            except ExceptionGroup as group:
                # Nobody reads on (`| head`): click knows how to end then, but not what is in a group.
                unread = group.subgroup(BrokenPipeError)
                raise (unread.exceptions[0] if unread else group) from None

    def summary(self) -> dict[str, Any]:
        """Give the counts by action, and how people and bots were told apart."""
        found: dict[str, Any] = {"sessions": self.done, "actions": dict(self._actions)}
        for label, name, good in (("human", "people", {"ALLOW"}), ("bot", "bots", {"CHALLENGE", "REVIEW", "BLOCK"})):
            if label in self._by_label:
                actions = self._by_label[label]
                told = "people_allowed" if label == "human" else "bots_flagged"
                found |= {name: actions.total(), told: sum(actions[action] for action in good)}
        return found

    async def _play_some(self, client: AsyncClient, sessions: Numbered) -> None:
        for number, session in sessions:
            if self._books.server_is_away:
                return
            if isinstance(session, str):
                self._books.bad(number, session)
                continue
            try:
                await self._play(client, session)
            except ValueError as error:
                self._books.bad(number, str(error))

    async def _play(self, client: AsyncClient, session: RecordedSession) -> None:
        subject = client.subject("session", f"{session.session_id}-{self._run_id}")
        began, ended = span(session.items)
        if self._speed is None:
            for item in moved(session.items, datetime.now(UTC) - ended):
                await _add(client, subject, item)
        else:
            await self._in_rhythm(client, subject, session, began, ended)
        try:
            verdict = await subject.verdict(_WAIT_MS)
        except TelltaleError as error:
            verdict, why = None, str(error)
        else:
            why = "no verdict in time"
        self.done += 1
        action = verdict.action if verdict else "none"
        self._actions[action] += 1
        if session.label is not None:
            self._by_label.setdefault(session.label, Counter())[action] += 1
        self._tell(session, subject_id=f"{session.session_id}-{self._run_id}", verdict=verdict, why=why)

    async def _in_rhythm(
        self, client: AsyncClient, subject: Subject, session: RecordedSession, began: datetime, ended: datetime
    ) -> None:
        assert self._speed is not None
        # Played faster, it began before now, so that its last event is not in the future when it is sent.
        earlier = (ended - began) * max(0.0, 1 - 1 / self._speed)
        started_s, shift = time.monotonic(), datetime.now(UTC) - earlier - began
        for due, piece in timed_pieces(moved(session.items, shift)):
            offset_s = (due - shift - began).total_seconds() / self._speed
            await asyncio.sleep(started_s + offset_s - time.monotonic())
            await _add(client, subject, piece)

    def _tell(self, session: RecordedSession, subject_id: str, verdict: Verdict | None, why: str) -> None:
        if self._as_json:
            about = {"session_id": session.session_id, "subject_id": subject_id, "label": session.label}
            self._say(msgspec.json.encode(about | {"group": session.group, "verdict": verdict}).decode())
            return
        who = f"{session.label or '-':<6} {session.group[:20]:<20} session/{subject_id}"
        if verdict is None:
            self._say(f"{'none':<9}  risk    -  {who}  {why}")
        else:
            self._say(f"{verdict_text(verdict)}  {who}  {reasons_text(verdict)}  {verdict.verdict_id}")


async def _add(client: AsyncClient, subject: Subject, item: Fields) -> None:
    add: Callable[[Fields], bool] = subject.add_track if is_track(item) else subject.add
    while not add(item):
        await client.flush()  # the server is slower than this
