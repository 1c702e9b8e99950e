"""The probe tells a broker that is away from one that only we do not reach, and never asks twice at once."""

import asyncio

from aiokafka.errors import KafkaConnectionError

from services.scorer.stream.probe import BrokerProbe


class Broker:
    """Answers, refuses or keeps silent: to the work's own connections and to new ones."""

    def __init__(self) -> None:
        self.measured = self.new = "answers"
        self.asked = 0
        self.speaks = asyncio.Event()

    async def measure(self) -> None:
        self.asked += 1
        await self._reply(self.measured)

    async def ask_anew(self) -> None:
        await self._reply(self.new)

    async def _reply(self, manner: str) -> None:
        if manner == "refuses":
            raise KafkaConnectionError("refused")
        if manner == "breaks":
            raise RuntimeError("half an answer")
        if manner == "silent":
            await self.speaks.wait()


def probe_of(broker: Broker) -> BrokerProbe:
    return BrokerProbe(broker.measure, broker.ask_anew, timeout_s=0.01)


async def told(measured: str, new: str) -> tuple[bool, bool]:
    broker = Broker()
    broker.measured, broker.new = measured, new
    probe = probe_of(broker)
    await probe.ask()
    return probe.answers, probe.cut_off


async def test_a_broker_that_answers_is_there() -> None:
    assert await told("answers", "refuses") == (True, False)


async def test_a_broker_that_answers_nobody_is_away() -> None:
    assert await told("refuses", "refuses") == (False, False)
    assert await told("silent", "silent") == (False, False)


async def test_a_broker_that_answers_only_others_cuts_us_off() -> None:
    assert await told("silent", "answers") == (False, True)
    assert await told("refuses", "answers") == (False, True)


async def test_whatever_a_new_connection_makes_of_it_the_probe_goes_on() -> None:
    assert await told("silent", "breaks") == (False, False)
    assert await told("breaks", "answers") == (False, True)


async def test_what_was_known_stays_until_both_answers_are_there() -> None:
    """Or a stall would begin anew whenever a measurement fails."""
    broker = Broker()
    probe = probe_of(broker)
    await probe.ask()
    broker.measured, broker.new = "refuses", "silent"
    asking = asyncio.create_task(probe.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert probe.answers
    await asking
    assert (probe.answers, probe.cut_off) == (False, False)


async def test_before_the_first_question_nothing_is_claimed() -> None:
    probe = probe_of(Broker())
    assert (probe.answers, probe.cut_off) == (False, False)


async def test_a_question_under_way_is_waited_for_and_not_asked_again() -> None:
    broker = Broker()
    broker.measured = "silent"
    probe = probe_of(broker)
    for _ in range(5):
        await probe.ask()
    assert (broker.asked, probe.answers) == (1, False)
    broker.speaks.set()
    await probe.ask()
    assert (broker.asked, probe.answers, probe.cut_off) == (1, True, False)
    await probe.ask()
    assert broker.asked == 2


async def test_a_probe_that_ends_takes_its_question_back() -> None:
    broker = Broker()
    broker.measured = "silent"
    running = asyncio.create_task(probe_of(broker).run(every_s=0))
    async with asyncio.timeout(10):
        while not broker.asked:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() if not task.done()} == {asyncio.current_task()}
