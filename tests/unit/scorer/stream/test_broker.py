"""A scorer waits for a broker that is away, and can be stopped meanwhile."""

import asyncio

from aiokafka.errors import KafkaConnectionError

from services.scorer.stream.broker import until_broker_answers


class Broker:
    """Answers after some refusals."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.asked = 0

    async def ask(self) -> None:
        self.asked += 1
        if self.asked <= self.refusals:
            raise KafkaConnectionError("away") if self.asked % 2 else OSError("refused")


async def test_it_goes_on_at_once_when_the_broker_answers() -> None:
    broker = Broker(refusals=0)
    await until_broker_answers(broker.ask, asyncio.Event(), look_every_s=60)
    assert broker.asked == 1


async def test_it_asks_until_the_broker_answers() -> None:
    broker = Broker(refusals=5)
    await until_broker_answers(broker.ask, asyncio.Event(), look_every_s=0.001)
    assert broker.asked == 6


async def test_a_stop_ends_the_wait() -> None:
    broker, stop = Broker(refusals=1_000_000), asyncio.Event()
    waiting = asyncio.create_task(until_broker_answers(broker.ask, stop, look_every_s=60))
    async with asyncio.timeout(10):
        while not broker.asked:
            await asyncio.sleep(0)
        stop.set()
        await waiting
    assert broker.asked == 1
