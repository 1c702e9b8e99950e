"""One run: load, acts, calm, count."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.chaos.acting import Tell, Tormentor, tormentor
from tests.chaos.checking import Books, Receipts, check
from tests.chaos.findings import Findings
from tests.chaos.schedule import Act, plan
from tests.chaos.settling import NotSettled, until_settled
from tests.e2e.load import Load
from tests.e2e.system import System

_BATCHES_PER_S: Final = 80
_WAITS_PER_S: Final = 8
_DELIVER_WITHIN_S: Final = 600
_SETTLE_TIMEOUT_S: Final = 180
_WARM_UP_BATCHES: Final = 100
_TELL_EVERY_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    acts: list[Act]
    books: Books | None
    findings: Findings
    answered: int
    stuck: str

    @property
    def went_well(self) -> bool:
        """Whether everything is zero that must be."""
        return self.books is not None and not any(self.findings.counts.values())

    def summary(self) -> dict[str, Any]:
        """Give the run as JSON."""
        counts = self.findings.counts
        return {
            "kills": len(self.acts),
            **(asdict(self.books) if self.books else {}),
            **counts,
            "verdicts_told": self.answered,
            "acts": dict(sorted(Counter(act.kind.value for act in self.acts).items())),
            "parts": dict(sorted(Counter(act.part for act in self.acts).items())),
        }


async def run(system: System, kills: int, seed: int, tell: Tell) -> Outcome:
    """Torment a running system under load, let it calm down, and count.

    Parameters
    ----------
    kills, seed
        See `plan`.
    tell
        Told how it goes, every few seconds.
    """
    findings, acts = Findings(), plan(kills, seed)
    load = Load(system, _BATCHES_PER_S, _WAITS_PER_S, _DELIVER_WITHIN_S)
    async with tormentor(system, tell) as ours:
        async with load:
            await load.until_acknowledged(_WARM_UP_BATCHES)
            async with _telling(tell, load, ours, len(acts)):
                await ours.carry_out(acts, lambda: len(load.acknowledged))
            tell("no more acts; waiting for the clients to deliver the rest")
        findings.add("missed_acts", ours.missed)
        tell(f"{len(load.acknowledged)} batches acknowledged; waiting until all of them are scored and persisted")
        try:
            held = await until_settled(system, ours, _SETTLE_TIMEOUT_S)
        except NotSettled as error:
            return Outcome(ours.done, None, findings, len(load.told), str(error))
    tell("counting")
    books = await check(system, _receipts(load), held, findings)
    return Outcome(ours.done, books, findings, len(load.told), "")


def _receipts(load: Load) -> Receipts:
    told = {one: (verdict.action, verdict.risk_score) for one, verdict in load.told.items()}
    given_up = [f"{one.reason}: {', '.join(map(str, one.batch_ids))} {one.detail}" for one in load.dropped]
    return Receipts(set(load.acknowledged), told, given_up)


@asynccontextmanager
async def _telling(tell: Tell, load: Load, ours: Tormentor, wanted: int) -> AsyncIterator[None]:
    """Tell how it goes while something else is done."""
    started_s = time.monotonic()

    async def go_on_telling() -> None:
        while True:
            now = ", ".join(f"{act.kind} {part}" for part, act in ours.under_way.items()) or "nothing"
            tell(
                f"{time.monotonic() - started_s:4.0f} s, {len(ours.done)} of {wanted} acts,"
                f" {len(load.acknowledged)} batches acknowledged; now: {now}"
            )
            await asyncio.sleep(_TELL_EVERY_S)

    task = asyncio.create_task(go_on_telling(), name="telling")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
