"""Wait until nothing is under way any more."""

import asyncio
import time
from typing import Final

from aiokafka.errors import KafkaError

from services.scorer.pipeline import scored_domains
from shared.topics import events_topic
from tests.chaos.acting import Tormentor
from tests.chaos.evidence import Offsets, committed, ends
from tests.e2e.system import System

_LOOK_EVERY_S: Final = 0.5
_ASK_TIMEOUT_S: Final = 15.0


class NotSettled(Exception):
    """Something is still under way or not ready after a long time; the message says what."""


async def until_settled(system: System, tormentor: Tormentor, timeout_s: float) -> Offsets:
    """Wait until every part is ready and everything written is scored and persisted.

    Returns
    -------
    dict
        The end of every partition.

    Raises
    ------
    NotSettled
        It took longer than ``timeout_s``.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        why, held = await _look(system, tormentor)
        if not why:
            return held
        if time.monotonic() > deadline_s:
            raise NotSettled(f"after {timeout_s:.0f} s {why}")
        await asyncio.sleep(_LOOK_EVERY_S)


async def _look(system: System, tormentor: Tormentor) -> tuple[str, Offsets]:
    """Say what is still under way, if anything."""
    for status in await system.stack.status():
        if status.why:
            return f"{status.part.name} is not ready: {status.why}", {}
    for name, extra in tormentor.extras.items():
        if why := await extra.why_not_ready():
            return f"{name} is not ready: {why}", {}
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            held = await ends(system.addresses.kafka_bootstrap)
            scored = await committed(system.addresses.kafka_bootstrap)
            rows = await system.rows("SELECT topic, partition, next_offset FROM stream_offsets")
            written = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            again = await ends(system.addresses.kafka_bootstrap)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"it is not known how far all is: {type(error).__name__}", {}
    inputs = {events_topic(domain) for domain in scored_domains()}
    waiting = [
        f"{what} of {topic}/{partition} is at {said.get((topic, partition), 0)} of {end}"
        for what, said, names in (
            ("the scorer", scored, inputs),
            ("the persister", written, {name for name, _ in held}),
        )
        for (topic, partition), end in held.items()
        if topic in names and said.get((topic, partition), 0) != end
    ]
    if held != again:
        waiting.append("records are still being written")
    return "; ".join(waiting[:3]), held
