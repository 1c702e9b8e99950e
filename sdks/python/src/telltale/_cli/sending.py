"""``telltale send``."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Final

import click

from telltale._cli.books import Books
from telltale._cli.checking import check_key
from telltale._cli.common import api_key, json_option, run, url_option
from telltale._cli.progress import Meter
from telltale._cli.recorded import Fields, RecordedBatch, RecordedSession, is_track, moved, read, span
from telltale._models import Limits
from telltale._sync import Client

_LIMITS: Final = Limits(linger_s=0.1, deadline_s=30.0, close_timeout_s=5.0)


@click.command()
@click.argument("file", type=click.File("rb"))
@url_option
@json_option
def send(file: IO[bytes], url: str, as_json: bool) -> None:
    """Send the recordings of FILE, or of standard input for "-".

    A line is one JSON object, a session ({"session_id", "events"}) or a batch ({"subject", "batch_id", "events",
    "tracks"}); the file may be gzipped. Sessions are moved in time, so that each ends now. Batches go as they are,
    under their own ids: sent again, they count once.
    """
    run(check_key(url))
    meter = Meter("sending", _size_of(file))
    books, counts = Books(meter.warn), {"sessions": 0, "batches": 0}

    def show() -> None:
        meter.show(_place_in(file), f"{client.stats().delivered:,} events delivered")

    client = Client(url, api_key(), limits=_LIMITS, on_drop=books.dropped, on_receipt=lambda _: show())
    with client, meter:
        try:
            for number, recorded in read(file):
                if books.server_is_away:
                    break
                _send_line(client, number, recorded, books, counts)
                show()
            client.flush()
        except KeyboardInterrupt:
            books.interrupted = True
    books.close(client.stats(), counts, as_json=as_json)


def _send_line(
    client: Client, number: int, recorded: RecordedSession | RecordedBatch | str, books: Books, counts: dict[str, int]
) -> None:
    try:
        if isinstance(recorded, str):
            books.bad(number, recorded)
        elif isinstance(recorded, RecordedSession):
            _send_session(client, recorded)
            counts["sessions"] += 1
        else:
            _send_batch(client, recorded)
            counts["batches"] += 1
    except ValueError as error:
        books.bad(number, str(error))


def _send_session(client: Client, session: RecordedSession) -> None:
    subject = client.subject("session", session.session_id)
    for item in moved(session.items, datetime.now(UTC) - span(session.items)[1]):
        add: Callable[[Fields], bool] = subject.add_track if is_track(item) else subject.add
        while not add(item):
            client.flush()  # the server is slower than this file


def _send_batch(client: Client, batch: RecordedBatch) -> None:
    while not client._add_batch(batch.key, batch.items, batch.batch_id):
        client.flush()


def _size_of(file: IO[bytes]) -> int | None:
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _place_in(file: IO[bytes]) -> int:
    try:
        return file.tell()
    except OSError:  # a pipe has no places
        return 0
