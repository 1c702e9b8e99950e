"""What a person sees of a replay: one line a verdict, coloured by action."""

from typing import Any, Final

from rich.text import Text

from deploy.local.recorded import Recording
from deploy.local.replay_books import Books
from telltale import Verdict

_COLOURS: Final = {"ALLOW": "green", "CHALLENGE": "yellow", "REVIEW": "magenta", "BLOCK": "red"}
_TOP_REASONS: Final = 3


def verdict_line(recording: Recording, verdict: Verdict | None, took_ms: float) -> Text:
    """Write one session's verdict; without one, say that it is still to come."""
    who = f"{'person' if recording.is_human else 'bot':<6}  {recording.session[:27]:<27}  {recording.group[:22]:<22}"
    if verdict is None:
        return Text.assemble(("later".ljust(9), "dim"), "  risk    -  ", who)
    reasons = sorted(verdict.reasons, key=lambda reason: -reason.contribution)[:_TOP_REASONS]
    return Text.assemble(
        (f"{verdict.action:<9}", f"bold {_COLOURS.get(verdict.action, 'white')}"),
        f"  risk {verdict.risk_score:.2f}  {who}",
        (f"  {took_ms:4.0f} ms  ", "dim"),
        ", ".join(reason.code for reason in reasons) or "no reasons",
    )


def failure_line(recording: Recording, error: Exception) -> Text:
    """Write that a session's verdict failed."""
    return Text.assemble(("failed   ", "bold red"), f"  {recording.session}: {error}")


def kpi_line(totals: dict[str, Any]) -> Text:
    """Write the KPIs of the last hour."""
    rates = {name: totals.get(f"{name}_rate") for name in ("challenge", "review", "block")}
    shares = "".join(f", {name} {rate:.0%}" for name, rate in rates.items() if rate)
    text = f"KPIs, last hour: {totals['events']:,} events, {totals['verdicts']:,} verdicts{shares}"
    return Text(text, style="cyan")


def progress_line(books: Books, expected_events: int) -> Text:
    """Write how far the rows are."""
    text = (
        f"waiting: {books.persisted_events:,} of {expected_events:,} events persisted,"
        f" {books.verdicts} of {books.batches} batches judged"
    )
    return Text(text, style="dim")


def books_line(books: Books, dropped: int) -> Text:
    """Write what became of every event."""
    text = (
        f"persisted {books.persisted_events:,} events in {books.batches} batches, {books.verdicts} verdicts;"
        f" lost {books.lost}, duplicated {books.duplicated}, dead letters {books.dead_letters},"
        f" dropped by the client {dropped}"
    )
    return Text(text, style="bold green" if books.balanced and not dropped else "bold red")


def outcome_line(summary: dict[str, Any]) -> Text:
    """Write how well people and bots were told apart."""
    text = (
        f"people allowed {summary['humans_allowed']} of {summary['humans']},"
        f" bots flagged {summary['bots_flagged']} of {summary['bots']}"
    )
    return Text(text, style="bold")
