"""``telltale tail``."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import click
import msgspec

from telltale._buffer import Key
from telltale._cli.common import (
    NOT_FOUND,
    fail,
    json_option,
    open_client,
    reasons_text,
    run,
    url_option,
    verdict_text,
)
from telltale._cli.kafka import arriving, kafka_option, prefix_option
from telltale._errors import Refused, TelltaleError
from telltale._models import Verdict
from telltale._wire import verdict_path

_TOPIC: Final = "verdicts.v1"
_LOOK_EVERY_S: Final = 1.0
_decoder: Final = msgspec.json.Decoder(Verdict)


@click.command()
@click.option(
    "--action", "actions", multiple=True,
    type=click.Choice(["ALLOW", "CHALLENGE", "REVIEW", "BLOCK"], case_sensitive=False), help="Only these actions.",
)  # fmt: skip
@click.option("--min-risk", type=click.FloatRange(0, 1), default=0.0, help="Only of this risk score or more, 0..1.")
@click.option("--subject", metavar="TYPE/ID", help="Only this subject, such as session/s-1.")
@kafka_option
@prefix_option
@url_option
@json_option
def tail(
    actions: tuple[str, ...],
    min_risk: float,
    subject: str | None,
    kafka: str | None,
    topic_prefix: str,
    url: str,
    as_json: bool,
) -> None:
    """Show verdicts as they are given, until Ctrl-C.

    With --kafka, the verdicts of everybody, from Kafka. Without it, those of one --subject, over HTTP: its latest
    verdict is looked up once a second.
    """
    subject_type, _, subject_id = (subject or "").partition("/")
    if subject is not None and not (subject_type and subject_id):
        raise click.BadParameter("it is TYPE/ID, such as session/s-1", param_hint="--subject")
    if kafka:
        documents = arriving(kafka, f"{topic_prefix}{_TOPIC}", lambda: _say(f"watching {kafka}"))
    elif subject:
        documents = _looked_up(url, Key("behavior", subject_type, subject_id))
    else:
        raise click.UsageError(
            "give --kafka (or TELLTALE_KAFKA_BOOTSTRAP) to watch everybody, or --subject to watch one"
        )
    wanted = _Wanted({action.upper() for action in actions}, min_risk, subject)
    run(_show(documents, wanted, as_json=as_json))


class _Wanted:
    """Which verdicts are shown."""

    def __init__(self, actions: set[str], min_risk: float, subject: str | None) -> None:
        self._actions = actions
        self._min_risk = min_risk
        self._subject = subject

    def __contains__(self, verdict: Verdict) -> bool:
        return (
            (not self._actions or verdict.action in self._actions)
            and verdict.risk_score >= self._min_risk
            and self._subject in {None, f"{verdict.subject.type}/{verdict.subject.id}"}
        )


async def _show(documents: AsyncIterator[bytes], wanted: _Wanted, *, as_json: bool) -> None:
    told = 0
    async for document in documents:
        try:
            verdict = _decoder.decode(document)
        except (ValueError, RecursionError) as error:
            _say(f"passed over what is no verdict: {error}")
            continue
        if verdict not in wanted:
            continue
        if as_json:
            click.echo(document)
        else:
            if not told:
                click.echo("action     risk       trust  received      subject  reasons  verdict")
            told += 1
            at = f"{verdict.received_at:%H:%M:%S.%f}"[:-3] if verdict.received_at else "-"
            who = f"{verdict.subject.type}/{verdict.subject.id}"
            click.echo(
                f"{verdict_text(verdict)}  {verdict.trust_score:>5}  {at}  {who}  {reasons_text(verdict)}"
                f"  {verdict.verdict_id}"
            )


async def _looked_up(url: str, key: Key) -> AsyncIterator[bytes]:
    told = None
    async with open_client(url) as client:
        _say(f"watching {key.subject_type}/{key.subject_id} at {url}")
        while True:
            try:
                document = bytes(await client._ask("GET", verdict_path(key), msgspec.Raw))
            except Refused as refused:
                if refused.problem.status != NOT_FOUND:
                    fail(refused, url)
            except TelltaleError as error:
                fail(error, url)
            else:
                if document != told:
                    told = document
                    yield document
            await asyncio.sleep(_LOOK_EVERY_S)


def _say(text: str) -> None:
    click.echo(text, err=True)
