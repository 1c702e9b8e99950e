"""Stopping a Kafka consumer, whatever state its broker is in."""

import asyncio
from typing import Protocol


class Stoppable(Protocol):
    """A consumer; aiokafka's is one."""

    async def stop(self) -> None:
        """Leave the broker."""


async def stop_consumer(consumer: Stoppable, timeout_s: float) -> BaseException | None:
    """Stop a consumer within a time; give what went wrong, or None.

    With its broker away, aiokafka 0.14 lets the cancellation of its own fetch escape from ``stop``. Whoever awaits that
    directly is cancelled himself, and nobody hears of it.
    """
    stopping = asyncio.ensure_future(consumer.stop())
    done, _ = await asyncio.wait([stopping], timeout=timeout_s)
    if not done:
        stopping.cancel()
        return TimeoutError(f"not stopped within {timeout_s:g} s")
    return asyncio.CancelledError() if stopping.cancelled() else stopping.exception()
