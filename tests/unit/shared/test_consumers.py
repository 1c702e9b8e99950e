"""A consumer's stop ends in time and never cancels who asked for it."""

import asyncio

from shared.consumers import stop_consumer


class Consumer:
    """Stops in its own way."""

    def __init__(self, error: BaseException | None = None, lasts_s: float = 0.0) -> None:
        self._error = error
        self._lasts_s = lasts_s
        self.stopped = False

    async def stop(self) -> None:
        await asyncio.sleep(self._lasts_s)
        if self._error is not None:
            raise self._error
        self.stopped = True


async def test_a_consumer_that_stops_gives_no_error() -> None:
    consumer = Consumer()
    assert await stop_consumer(consumer, 5) is None
    assert consumer.stopped


async def test_an_error_is_given() -> None:
    error = OSError("away")
    assert await stop_consumer(Consumer(error), 5) is error


async def test_a_cancellation_from_inside_is_given_and_cancels_nobody() -> None:
    assert isinstance(await stop_consumer(Consumer(asyncio.CancelledError()), 5), asyncio.CancelledError)


async def test_a_consumer_that_does_not_stop_is_left() -> None:
    assert isinstance(await stop_consumer(Consumer(lasts_s=60), 0.01), TimeoutError)
