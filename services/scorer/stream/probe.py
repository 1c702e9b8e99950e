"""Asks the broker over and over how far our partitions are: for the lag, and to know whether it is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka.errors import KafkaError

_log = logging.getLogger(__name__)
_ASK_EVERY_S: Final = 0.5
_TIMEOUT_S: Final = 5.0


class BrokerProbe:
    """Tells a broker that is away from one that only we do not reach.

    Parameters
    ----------
    measure
        Asks through the connections that the work itself uses.
    ask_anew
        Asks through a connection of its own; raises when the broker does not answer.

    Attributes
    ----------
    answers
        The last measurement came back.
    cut_off
        It did not, and the broker answers others. Nobody gets on while a broker is away, but this is a stall.
    """

    def __init__(
        self,
        measure: Callable[[], Awaitable[None]],
        ask_anew: Callable[[], Awaitable[None]],
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._measure = measure
        self._ask_anew = ask_anew
        self._timeout_s = timeout_s
        self._measuring: asyncio.Future[None] | None = None
        self.answers = False
        self.cut_off = False

    async def run(self, every_s: float = _ASK_EVERY_S) -> None:
        """Ask until cancelled."""
        try:
            while True:
                await asyncio.sleep(every_s)
                await self.ask()
        finally:
            if self._measuring is not None:
                self._measuring.cancel()

    async def ask(self) -> None:
        """Ask once, and note what came of it."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.shield(self._measurement())
            self.answers, self.cut_off = True, False
        except Exception as error:
            if self.answers:
                _log.warning("the broker does not tell how far our partitions are: %s", type(error).__name__)
            # Told together: in between it would look as if there were no work.
            cut_off = await self._answers_anew()
            self.answers, self.cut_off = False, cut_off

    def _measurement(self) -> "asyncio.Future[None]":
        """One at a time: Faust's consumer thread has two hands, and without a free one it fetches nothing."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.ensure_future(self._measure())
            # It may fail after we stopped waiting for it.
            self._measuring.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._measuring

    async def _answers_anew(self) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._ask_anew()
        except (KafkaError, OSError):
            return False
        except Exception as error:  # whatever a client makes of half an answer; the probe must go on
            _log.warning("the broker could not be asked anew: %r", error)
            return False
        return True
