"""``telltale dead-letters``."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import click
import msgspec

from telltale._cli.common import Failed, fail, insights_option, json_option, open_client, run, write_json
from telltale._cli.kafka import kafka_option, newest, prefix_option
from telltale._errors import TelltaleError

_TOPIC: Final = "dead-letters.v1"
_HOURS: Final = 24


class _Letter(msgspec.Struct):
    """A dead letter but for its payload, which is not read."""

    dead_letter_id: UUID
    stage: str
    reason: str
    source_timestamp: datetime
    detail: str = ""
    source_topic: str = ""
    source_partition: int = 0
    source_offset: int = 0
    tenant_id: str | None = None
    batch_id: UUID | None = None


class _Totals(msgspec.Struct):
    dead_letters: int | None


class _Kpis(msgspec.Struct):
    totals: _Totals


_decoder: Final = msgspec.json.Decoder(_Letter)


@click.command("dead-letters")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@kafka_option
@prefix_option
@insights_option
@json_option
def dead_letters(limit: int, kafka: str | None, topic_prefix: str, insights_url: str, as_json: bool) -> None:
    """List the messages that could not go on.

    With --kafka, the newest letters of everybody, without their payloads. Without it, how many of your own there were
    in the last 24 hours, from insights. `make dead-letters` on the server looks into one and sends it on again.
    """
    if kafka:
        _list(run(_newest(kafka, f"{topic_prefix}{_TOPIC}", limit)), as_json=as_json)
        return
    count = run(_count(insights_url))
    if as_json:
        write_json({"dead_letters": count, "hours": _HOURS})
    else:
        click.echo(f"{count:,} dead letters in the last {_HOURS} hours" + ("; --kafka lists them" if count else ""))


async def _newest(kafka: str, topic: str, limit: int) -> list[_Letter]:
    letters = await newest(kafka, topic, limit, _read)
    return sorted(letters, key=lambda letter: letter.source_timestamp)[-limit:]


def _read(document: bytes) -> tuple[UUID, _Letter] | None:
    try:
        letter = _decoder.decode(document)
    except (ValueError, RecursionError) as error:
        click.echo(f"passed over what is no dead letter: {error}", err=True)
        return None
    return letter.dead_letter_id, letter  # a letter may be written twice


def _list(letters: list[_Letter], *, as_json: bool) -> None:
    for letter in letters:
        if as_json:
            write_json(letter)
        else:
            where = f"{letter.source_topic}/{letter.source_partition}@{letter.source_offset}"
            click.echo(
                f"{letter.source_timestamp:%Y-%m-%d %H:%M:%S}  {letter.stage:<9}  {letter.reason:<18}"
                f"  {letter.tenant_id or '-'}  batch {letter.batch_id or '-'}  {where}  {letter.detail}"
            )
    if not as_json:
        click.echo(f"{len(letters)} shown" if letters else "there are none")


async def _count(insights_url: str) -> int:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    window: dict[str, Any] = {
        "from": (now - timedelta(hours=_HOURS)).isoformat(),
        "to": (now + timedelta(minutes=1)).isoformat(),
        "step": "hour",
    }
    async with open_client(insights_url) as client:
        try:
            kpis = await client._ask("GET", f"/v1/kpis?{urlencode(window)}", _Kpis)
        except TelltaleError as error:
            fail(error, insights_url)
    if kpis.totals.dead_letters is None:
        raise Failed("insights does not count them")
    return kpis.totals.dead_letters
