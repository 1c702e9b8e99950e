"""The command line of dead letters."""

import asyncio
import getpass
import json
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from deploy.operate.dead_letters.letters import Letter, Redrive, Refused, check_redrivable
from deploy.operate.dead_letters.redrive import open_publisher, redrive
from deploy.operate.dead_letters.store import LetterStore, open_letters
from deploy.operate.errors import OperatorError
from deploy.operate.settings import OperateSettings, load_settings
from shared.contracts.dead_letter import DeadLetterReason

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_TELL_EVERY_S: Final = 1.0
_Result = TypeVar("_Result")


class _Since(click.ParamType):
    """A time, or how long ago: ``2h``, ``3d``, ``2026-01-31T08:00:00Z``."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if ago := re.fullmatch(r"(\d{1,6})([mhd])", value):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a time nor like 30m, 2h or 3d", param, ctx)
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


_reasons: Final = click.Choice([str(reason) for reason in DeadLetterReason])


@click.group("dead-letters")
def dead_letters() -> None:
    """List the dead letters, look into one, send them on again."""


@dead_letters.command("list")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--reason", type=_reasons, help="Only of this reason.")
@click.option("--stage", type=click.Choice(["scorer", "persister"]), help="Only of this stage.")
@click.option("--since", type=_Since(), help="Only of messages since: 30m, 2h, 3d, or a time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
def list_letters(tenant: str | None, reason: str | None, stage: str | None, since: datetime | None, limit: int) -> None:
    """Show the newest dead letters, without their payloads."""

    async def read(settings: OperateSettings) -> list[Letter]:
        async with open_letters(settings.postgres_dsn) as store:
            return await store.listed(tenant=tenant, reason=reason, stage=stage, since=since, limit=limit)

    letters = _run(read)
    if not letters:
        click.echo("there are none")
        return
    table = Table("id", "message of (UTC)", "stage", "reason", "tenant", "batch", "bytes", "redrive", box=None)
    for letter in letters:
        table.add_row(
            str(letter.dead_letter_id), f"{letter.source_timestamp:%Y-%m-%d %H:%M:%S}", letter.stage, letter.reason,
            letter.tenant_id or "-", str(letter.batch_id or "-"), f"{letter.payload_bytes:,}", _state(letter),
        )  # fmt: skip
    _wide_console().print(table)
    click.echo(f"{len(letters)} shown" + (", there may be more (--limit)" if len(letters) == limit else ""))


@dead_letters.command()
@click.argument("dead_letter_id", metavar="ID", type=click.UUID)
@click.option("--payload", is_flag=True, help="Write the original bytes, and nothing else, to standard output.")
def show(dead_letter_id: UUID, payload: bool) -> None:
    """Show everything known of one dead letter."""

    async def read(settings: OperateSettings) -> tuple[Letter, bytes]:
        async with open_letters(settings.postgres_dsn) as store:
            return await store.one(dead_letter_id), await store.payload(dead_letter_id) if payload else b""

    letter, original = _run(read)
    for name, value in _facts(letter):
        click.echo(f"{name:<17} {value}", err=payload)
    if payload:
        sys.stdout.buffer.write(original)


@dead_letters.command("redrive")
@click.argument("dead_letter_ids", metavar="[ID]...", nargs=-1, type=click.UUID)
@click.option("--reason", type=_reasons, help="Every letter of this reason that was not sent on yet.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def redrive_letters(dead_letter_ids: tuple[UUID, ...], reason: str | None, dry_run: bool) -> None:
    """Send messages on again, to the topic they came from, once each.

    The last line is one JSON object. The exit code is 0 when all went, 1 when some were refused, 2 when Kafka or
    PostgreSQL is away.
    """
    if bool(dead_letter_ids) == (reason is not None):
        raise click.UsageError("name the letters by their ids, or all of a --reason")

    async def work(settings: OperateSettings) -> dict[str, int]:
        async with open_letters(settings.postgres_dsn) as store:
            ids = store.open_of_reason(reason, settings.topic_prefix) if reason is not None else _each(dead_letter_ids)
            return await (_try if dry_run else _redrive)(store, ids, settings)

    counts = _run(work)
    click.echo(json.dumps(counts))
    sys.exit(counts["refused"] > 0)


async def _redrive(store: LetterStore, ids: AsyncIterator[UUID], settings: OperateSettings) -> dict[str, int]:
    counts = {"redriven": 0, "finished": 0, "refused": 0}
    told_s = time.monotonic()
    by = f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}"
    async with open_publisher(settings.brokers) as publisher:
        async for dead_letter_id in ids:
            try:
                done = await redrive(store, publisher, dead_letter_id, by=by, topic_prefix=settings.topic_prefix)
            except Refused as refused:
                counts["refused"] += 1
                click.echo(f"refused {refused}", err=True)
                continue
            counts["redriven"] += 1
            if done.unfinished is not None:
                counts["finished"] += 1
                click.echo(_unfinished(dead_letter_id, done.unfinished), err=True)
            if time.monotonic() - told_s >= _TELL_EVERY_S:
                told_s = time.monotonic()
                click.echo(f"{counts['redriven']:,} sent on", err=True)
    return counts


async def _try(store: LetterStore, ids: AsyncIterator[UUID], settings: OperateSettings) -> dict[str, int]:
    counts = {"would_redrive": 0, "refused": 0}
    async for dead_letter_id in ids:
        try:
            letter = await store.one(dead_letter_id)
            check_redrivable(letter, settings.topic_prefix)
            if letter.redrive is not None and letter.redrive.done_at is not None:
                raise Refused(f"{dead_letter_id}: was sent on before")
        except Refused as refused:
            counts["refused"] += 1
            click.echo(f"would refuse {refused}", err=True)
            continue
        counts["would_redrive"] += 1
        click.echo(f"{dead_letter_id} {letter.reason} to {letter.source_topic}/{letter.source_partition}")
    return counts


async def _each(ids: Iterable[UUID]) -> AsyncIterator[UUID]:
    for one in dict.fromkeys(ids):
        yield one


def _run(work: Callable[[OperateSettings], Coroutine[Any, Any, _Result]]) -> _Result:
    try:
        return asyncio.run(work(load_settings()))
    except Refused as refused:
        click.echo(f"error: {refused}", err=True)
        sys.exit(1)
    except OperatorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


def _facts(letter: Letter) -> Iterator[tuple[str, object]]:
    yield "id", letter.dead_letter_id
    yield "reason", f"{letter.reason}: {letter.detail}"
    yield "stage", letter.stage
    yield "message", f"{letter.source_topic}/{letter.source_partition} offset {letter.source_offset}"
    yield "written", f"{letter.source_timestamp:%Y-%m-%d %H:%M:%S.%f} UTC"
    yield "stored", f"{letter.persisted_at:%Y-%m-%d %H:%M:%S.%f} UTC"
    yield "tenant", letter.tenant_id or "-"
    yield "batch", letter.batch_id or "-"
    yield "traceparent", letter.traceparent or "-"
    yield "key", "-" if letter.key is None else letter.key.decode("utf-8", "backslashreplace")
    for name, value in letter.headers.items():
        yield "header", f"{name}: {value}"
    yield "payload", f"{letter.payload_bytes:,} bytes (--payload writes them)"
    if letter.redriven_from is not None:
        yield "failed again", f"this message was sent on before, out of letter {letter.redriven_from}"
    if letter.redrive is not None:
        yield "redrive", _story(letter.redrive)


def _story(redrive: Redrive) -> str:
    claimed = f"claimed by {redrive.claimed_by} at {redrive.claimed_at:%Y-%m-%d %H:%M:%S} UTC, try {redrive.attempts}"
    if redrive.done_at is None:
        return f"{claimed}; nobody knows whether it was published, redrive it again to finish"
    return (
        f"{claimed}; done at {redrive.done_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" partition {redrive.published_partition} offset {redrive.published_offset}"
    )


def _unfinished(dead_letter_id: UUID, earlier: Redrive) -> str:
    return (
        f"{dead_letter_id}: {earlier.claimed_by} claimed it at {earlier.claimed_at:%Y-%m-%d %H:%M:%S} UTC and never"
        " said it was done; sent on again, a second copy is dropped by its batch id"
    )


def _state(letter: Letter) -> str:
    state = "-" if letter.redrive is None else "claimed" if letter.redrive.done_at is None else "done"
    return state if letter.redriven_from is None else f"{state}, failed again"


def _wide_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=250)
