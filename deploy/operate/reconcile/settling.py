"""Wait until the scorer and the persister have come to what is on the broker now: what is under way is not lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from deploy.operate.reconcile.kafka import KafkaSide
from deploy.operate.reconcile.postgres import PostgresSide
from services.insights.books import Bounds, Partition
from shared.topics import DEAD_LETTERS, VERDICTS

_LOOK_EVERY_S: Final = 0.25
_TELL_EVERY_S: Final = 2.0

Say = Callable[[str], None]
Offsets = Mapping[Partition, int]


async def settle(
    kafka: KafkaSide,
    postgres: PostgresSide,
    prefix: str,
    events: Mapping[Partition, Bounds],
    scored_topics: set[str],
    wait_s: float,
    say: Say,
) -> Offsets:
    """Wait until both have passed the ends of the topics of events, and the persister what came of them.

    Parameters
    ----------
    scored_topics
        Those the scorer reads.
    wait_s
        Longest wait, in seconds; whoever is not there by then is told of, and the comparison says what waits.

    Returns
    -------
    Offsets
        Where the scorer continues.
    """
    deadline_s = time.monotonic() + wait_s

    async def scored() -> Offsets:
        return await kafka.committed(f"{prefix}scorer")

    async def persisted() -> Offsets:
        topics = {topic for topic, _ in events} | {prefix + VERDICTS, prefix + DEAD_LETTERS}
        return {at: told.next_offset for at, told in (await postgres.books(topics)).items()}

    to_persist = _ends(events)
    to_score = {at: end for at, end in to_persist.items() if at[0] in scored_topics}
    scored_next = await _until_past("scorer", to_score, scored, deadline_s, say)
    await _until_past("persister", to_persist, persisted, deadline_s, say)
    # Only now: both write letters before they move on.
    outputs = _ends(await kafka.bounds([prefix + VERDICTS, prefix + DEAD_LETTERS]))
    await _until_past("persister", outputs, persisted, deadline_s, say)
    return scored_next


def _ends(bounds: Mapping[Partition, Bounds]) -> Offsets:
    return {at: held.end for at, held in bounds.items() if held.end > held.beginning}


async def _until_past(
    who: str, ends: Offsets, look: Callable[[], Awaitable[Offsets]], deadline_s: float, say: Say
) -> Offsets:
    told_s = time.monotonic()
    while True:
        found = await look()
        behind = sum(max(0, end - found.get(at, 0)) for at, end in ends.items())
        if not behind:
            return found
        now_s = time.monotonic()
        if now_s >= deadline_s:
            say(f"{who}: still {behind:,} records behind; going on, they are counted as waiting")
            return found
        if now_s - told_s >= _TELL_EVERY_S:
            say(f"{who}: {behind:,} records behind, waiting {deadline_s - now_s:.0f} s more at most")
            told_s = now_s
        await asyncio.sleep(_LOOK_EVERY_S)
