"""Wait for a broker that is away, instead of starting over and over: a start costs more than what a broker needs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 0.5


async def until_broker_answers(
    ask: Callable[[], Awaitable[None]], stop: asyncio.Event, look_every_s: float = _LOOK_EVERY_S
) -> None:
    """Return when the broker answers or a stop is asked for.

    Parameters
    ----------
    ask
        Returns when the broker answers; raises `KafkaError` or `OSError` when it does not.
    """
    told = False
    while not stop.is_set():
        try:
            return await ask()
        except (KafkaError, OSError) as error:
            if not told:
                _log.warning("waiting for the broker: %s", type(error).__name__)
            told = True
        try:
            async with asyncio.timeout(look_every_s):
                await stop.wait()
        except TimeoutError:
            pass


async def ask_broker(bootstrap: str) -> None:
    """Ask a broker for what it knows of its cluster; raises `KafkaError` or `OSError`."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap, client_id="telltale-scorer-ask")
    try:
        await client.bootstrap()
    finally:
        await client.close()
