"""``telltale explain``, ``session`` and ``keys``: one question, one answer."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.table import Table

from telltale._cli.checking import kind_of_key
from telltale._cli.common import (
    NOT_FOUND,
    Failed,
    fail,
    insights_option,
    json_option,
    open_client,
    reasons_text,
    run,
    url_option,
    verdict_text,
    write_json,
)
from telltale._errors import Refused, TelltaleError
from telltale._models import SessionStatus, Verdict

_PLAIN_WIDTH: Final = 250  # off a terminal nothing is broken over lines


@click.command(short_help="Tell why a verdict is what it is.")
@click.argument("verdict_id", type=click.UUID)
@insights_option
@json_option
def explain(verdict_id: UUID, insights_url: str, as_json: bool) -> None:
    """Tell why a verdict is what it is: every reason, rule and model, and what it looked back on."""
    found = run(_explained(insights_url, verdict_id))
    if as_json:
        click.echo(bytes(found))
    else:
        _show_explanation(msgspec.json.decode(found))


async def _explained(insights_url: str, verdict_id: UUID) -> msgspec.Raw:
    async with open_client(insights_url) as client:
        try:
            return await client._ask("GET", f"/v1/verdicts/{verdict_id}/explain", msgspec.Raw)
        except Refused as refused:
            if refused.problem.status == NOT_FOUND:
                raise Failed(f"no verdict {verdict_id}: one is stored a moment after it is given") from None
            fail(refused, insights_url)
        except TelltaleError as error:
            fail(error, insights_url)


def _show_explanation(found: dict[str, Any]) -> None:
    verdict = msgspec.convert(found["verdict"], Verdict)
    console = _console()
    click.echo(
        f"{verdict_text(verdict)}  trust {verdict.trust_score}  {verdict.label}  confidence {verdict.confidence:.2f}"
    )
    click.echo(
        f"{verdict.subject.type}/{verdict.subject.id}, judged {found['scored_at']},"
        f" {found['processing_time_ms']} ms after it came in"
    )
    table = Table("part", "reason", "what it says", "seen", box=None)
    for reason in sorted(verdict.reasons, key=lambda reason: -reason.contribution):
        seen = ", ".join(f"{name}={_short(value)}" for name, value in reason.evidence.items())
        table.add_row(f"{reason.contribution:.3f}", reason.code, reason.message, seen)
    console.print(table if verdict.reasons else "no reasons", markup=False)
    _show_rules(found, verdict)
    for model in found["models"]:
        part = "" if model["contribution"] is None else f" ({model['contribution']:.3f})"
        click.echo(f"model {model['name']}@{model['version']}: {model['said'] or 'is not in force any more'}{part}")
    session = found["session"]
    click.echo(f"looked back on {session['event_count']:,} events in {session['batch_count']:,} batches")


def _show_rules(found: dict[str, Any], verdict: Verdict) -> None:
    if found["rules"] is None:
        click.echo(f"rules: those of ruleset {found['ruleset']['used']}, which is not in force, or the scorer is away")
    else:
        by_outcome: dict[str, int] = {}
        for rule in found["rules"]:
            by_outcome[rule["outcome"]] = by_outcome.get(rule["outcome"], 0) + 1
        click.echo("rules: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(by_outcome.items())))
    if verdict.unknown_rules:
        click.echo(f"too little seen for: {', '.join(verdict.unknown_rules)}")


@click.command()
@click.argument("session_id", type=click.UUID)
@url_option
@json_option
def session(session_id: UUID, url: str, as_json: bool) -> None:
    """Tell of a session and its latest verdict."""
    status = run(_status(url, session_id))
    if as_json:
        write_json(status)
    else:
        _show_session(status)


async def _status(url: str, session_id: UUID) -> SessionStatus:
    async with open_client(url) as client:
        try:
            return await client.session_status(session_id)
        except Refused as refused:
            if refused.problem.status == NOT_FOUND:
                raise Failed(f"no session {session_id} of this key's tenant") from None
            fail(refused, url)
        except TelltaleError as error:
            fail(error, url)


def _show_session(status: SessionStatus) -> None:
    state = f"{status.status} ({status.ended_by})" if status.ended_by else status.status
    lines = {
        "session": status.session_id,
        "state": state,
        "user": status.user_id or "-",
        "started": _time(status.started_at),
        "last seen": _time(status.last_seen_at),
        "seen": f"{status.event_count:,} events in {status.batch_count:,} batches",
    }
    result = status.result
    if result is None:
        lines["verdict"] = "none yet"
    else:
        lines["verdict"] = verdict_text(result.verdict) if result.verdict else "-"
        lines["human"] = "yes" if result.is_human else "no"
        lines["trust"] = "-" if result.trust_score is None else result.trust_score
        lines["challenge"] = {True: "needed", False: "not needed", None: "-"}[result.needs_challenge]
        lines["reasons"] = reasons_text(result.verdict) if result.verdict else "-"
    for name, value in lines.items():
        click.echo(f"{name:<10} {value}")


@click.group()
def keys() -> None:
    """Look at API keys.

    Whoever runs the server makes and revokes them, where its database is: `python -m deploy.provision key create` and
    `key revoke`.
    """


@keys.command()
@url_option
@json_option
def check(url: str, as_json: bool) -> None:
    """Tell whether the server knows the key in TELLTALE_API_KEY."""
    kind = run(kind_of_key(url))
    if as_json:
        write_json({"url": url, "accepted": True, "kind": kind})
    else:
        what = "a secret key" if kind == "secret" else "a publishable key: good for pages, not for these commands"
        click.echo(f"{url} accepts it as {what}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if value else "-"


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)
