"""The command line of replaying a verdict."""

import asyncio
import json
import sys
import time
from typing import Any, Final
from uuid import UUID

import click

from deploy.operate.errors import OperatorError
from deploy.operate.replay.refold import Incomplete, Refold, Replay, Result
from deploy.operate.replay.store import open_verdicts
from deploy.operate.settings import load_settings
from services.scorer.pipeline import load_ruleset
from shared.topics import Domain

_TELL_EVERY_S: Final = 1.0
_EXIT_CODE: Final = {Result.SAME: 0, Result.DIFFERENT: 1, Result.VERSIONS_DIFFER: 3, Result.INCOMPLETE: 3}
_MEANING: Final = {
    Result.SAME: "the same batches and versions give the same verdict",
    Result.DIFFERENT: "the same batches and versions give another verdict",
    Result.VERSIONS_DIFFER: "other versions judged then, so nothing is proven",
    Result.INCOMPLETE: "not every batch is stored as it was judged, so nothing is proven",
}


@click.command()
@click.argument("verdict_id", metavar="VERDICT_ID", type=click.UUID)
def replay(verdict_id: UUID) -> None:
    """Judge a stored verdict's batches again and compare the verdicts.

    The last line is one JSON object. The exit code is 0 when they are the same, 1 when they differ, 2 when the verdict
    is unknown or PostgreSQL is away, 3 when nothing can be proven: other versions judged, or batches are not stored.
    """
    try:
        outcome = asyncio.run(_replay(load_settings().postgres_dsn, verdict_id))
    except OperatorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    click.echo(f"{outcome.result}: {_MEANING[outcome.result]}" + (f" ({outcome.why})" if outcome.why else ""))
    click.echo(f"{outcome.batches:,} batches, {outcome.events:,} events; the session began: {outcome.began}")
    for one in outcome.differences:
        click.echo(f"{one.field}: stored {json.dumps(one.stored)}, replayed {json.dumps(one.replayed)}")
    click.echo(json.dumps(_document(verdict_id, outcome)))
    sys.exit(_EXIT_CODE[outcome.result])


async def _replay(dsn: str, verdict_id: UUID) -> Replay:
    told_s = time.monotonic()
    async with open_verdicts(dsn) as store:
        stored = await store.verdict(verdict_id)
        refold = Refold(stored, load_ruleset(Domain(stored.domain)))
        try:
            async for batch in store.batches(verdict_id):
                refold.add(batch)
                if time.monotonic() - told_s >= _TELL_EVERY_S:
                    told_s = time.monotonic()
                    click.echo(f"{refold.batches:,} batches folded", err=True)
        except Incomplete as missing:
            return refold.incomplete(str(missing))
    return refold.finish()


def _document(verdict_id: UUID, outcome: Replay) -> dict[str, Any]:
    return {
        "verdict_id": str(verdict_id),
        "result": outcome.result,
        "batches": outcome.batches,
        "events": outcome.events,
        "session_began": outcome.began,
        "versions": {"stored": outcome.stored_versions, "current": outcome.current_versions},
        "differences": [
            {"field": one.field, "stored": one.stored, "replayed": one.replayed} for one in outcome.differences
        ],
        "why": outcome.why,
    }
