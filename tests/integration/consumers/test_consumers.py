"""Each example acts once on each verdict, whatever happens to it: killed, started again, asked to stop, cut off."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.servers_for_tests import Servers
from tests.integration.conftest import FreshTopics
from tests.integration.consumers.languages import Builds, Command
from tests.integration.consumers.published import (
    Message,
    Written,
    message_of,
    numbered,
    of_a_later_version,
    unreadable,
    write,
)
from tests.integration.consumers.running import Running, Service, ended_afterwards, until
from tests.integration.gateway.proxy import proxied

VERDICTS = 1_500
# A first compilation of everything takes its time on a small machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def service(
    servers: Servers, fresh_topics: FreshTopics, command: Command, tmp_path: Path
) -> AsyncIterator[Service]:
    made = Service(command, servers.kafka_bootstrap, await fresh_topics(), tmp_path)
    with ended_afterwards(made):
        yield made


def messages() -> Iterator[Message]:
    """Verdicts, copies at once and copies much later, fields of a later version, and what cannot be read."""
    strange = unreadable(numbered(VERDICTS)[0])
    for number in range(VERDICTS):
        verdict, _ = numbered(number)
        yield of_a_later_version(verdict) if number % 50 == 0 else message_of(verdict)
        if number % 10 == 0:
            yield message_of(verdict)
        if number % 80 == 0 and strange:
            yield strange.pop()
    assert not strange
    for number in range(0, VERDICTS, 5):
        yield message_of(numbered(number)[0])


EXPECTED = {str(verdict.verdict_id): action for verdict, action in map(numbered, range(VERDICTS))}


async def test_every_verdict_is_acted_on_once_through_kill_and_restart(service: Service) -> None:
    written = await write(service.bootstrap, service.topic, messages())
    first = service.start()
    await first.read(200)
    before = await _killed_between_effect_and_commit(service, first, written)
    assert 200 <= len(before) < VERDICTS

    second = service.start()
    reading = asyncio.create_task(second.read())

    async def all_there() -> bool:
        assert second.popen.poll() is None, second.log.read_text()
        return service.actions() == EXPECTED and await service.committed() == await service.ends()

    await until(all_there)
    second.popen.send_signal(signal.SIGTERM)
    assert await second.ended() == 0, second.log.read_text()
    await reading

    assert {line["verdict_id"] for line in first.lines} <= before
    # A line for each action of its own, and none for what its predecessor had done.
    ids = [line["verdict_id"] for line in second.lines]
    assert len(ids) == len(set(ids))
    assert set(ids) == EXPECTED.keys() - before
    for line in [*first.lines, *second.lines]:
        assert vars(EXPECTED[line.pop("verdict_id")]) == line
    told = [one for running in (first, second) for one in running.told() if one["event"] == "unreadable"]
    assert {(one["topic"], one["partition"], one["offset"], one["reason"]) for one in told} == {
        (service.topic, one.partition, one.offset, one.message.fault) for one in written if one.message.fault
    }
    unreadable_now = sum(one["event"] == "unreadable" for one in second.told())
    assert second.told()[-1] == {"event": "stopped", "acted": len(ids), "unreadable": unreadable_now}


async def _killed_between_effect_and_commit(service: Service, running: Running, written: list[Written]) -> set[str]:
    """Kill it when it has acted on what it has not committed; give the ids it has acted on.

    Nobody reads its output now, so it comes to wait between the two.
    """
    places = {one.message.verdict_id: one for one in reversed(written) if not one.message.fault}
    acted: set[str] = set()

    async def acted_beyond_offsets() -> bool:
        running.popen.send_signal(signal.SIGSTOP)
        committed = await service.committed()
        acted.clear()
        acted.update(service.actions() or {})
        if any(places[one].offset >= committed[places[one].partition] for one in acted):
            return True
        running.popen.send_signal(signal.SIGCONT)
        return False

    await until(acted_beyond_offsets)
    running.kill()
    return acted


async def test_sigterm_ends_it_with_offsets_that_are_exact(service: Service) -> None:
    written = await write(service.bootstrap, service.topic, messages())
    running = service.start()
    await running.read(200)  # and then it waits, because nobody reads
    running.popen.send_signal(signal.SIGTERM)
    await running.read()
    assert await running.ended() == 0, running.log.read_text()
    acted, committed = service.actions(), await service.committed()
    assert acted is not None and 200 <= len(acted) < VERDICTS
    handled = {
        one.message.verdict_id for one in written if one.message.fault is None and one.offset < committed[one.partition]
    }
    assert acted.keys() == handled
    assert running.told()[-1]["event"] == "stopped"


async def test_a_broker_that_is_away_is_waited_for(service: Service) -> None:
    async with proxied(service.bootstrap, rewrite=True) as proxy:
        await proxy.cut()
        running, said = service.start(f"127.0.0.1:{proxy.port}"), 0
        reading = asyncio.create_task(running.read())
        for goal in (20, 40):

            async def has_noticed(said: int = said) -> bool:
                assert running.popen.poll() is None, running.log.read_text()
                return running.log.stat().st_size > said

            await until(has_noticed)
            await write(service.bootstrap, service.topic, (message_of(numbered(one)[0]) for one in range(goal)))
            await proxy.open()

            async def has_acted(goal: int = goal) -> bool:
                return len(service.actions() or {}) == goal

            await until(has_acted)
            said = running.log.stat().st_size
            await proxy.cut()
        running.popen.send_signal(signal.SIGTERM)
        assert await running.ended() == 0, running.log.read_text()
        await reading
    assert sorted(line["verdict_id"] for line in running.lines) == sorted(list(EXPECTED)[:40])


async def test_processes_of_one_group_share_its_partitions_and_take_over_from_each_other(service: Service) -> None:
    """A second one joins, and the first is killed; in between, both are given verdicts."""
    first = service.start()
    reading = [asyncio.create_task(first.read())]

    async def acted(until_number: int) -> None:
        expected = dict(list(EXPECTED.items())[:until_number])

        async def all_there() -> bool:
            return service.actions() == expected and await service.committed() == await service.ends()

        await until(all_there)

    async def publish(begin: int, end: int) -> None:
        await write(service.bootstrap, service.topic, (message_of(numbered(one)[0]) for one in range(begin, end)))

    await publish(0, 500)
    await acted(500)
    second = service.start()
    reading.append(asyncio.create_task(second.read()))

    async def both_have_partitions() -> bool:
        return sorted((await service.readers()).values()) == [2, 2]

    await until(both_have_partitions)
    await publish(500, 1_000)
    await acted(1_000)

    first.kill()
    await publish(1_000, VERDICTS)
    await acted(VERDICTS)
    assert second.popen.poll() is None, second.log.read_text()
    second.popen.send_signal(signal.SIGTERM)
    assert await second.ended() == 0, second.log.read_text()
    await asyncio.gather(*reading)
    by_first, by_second = ([line["verdict_id"] for line in running.lines] for running in (first, second))
    assert sorted(by_first + by_second) == sorted(EXPECTED)
    shared = set(list(EXPECTED)[500:1_000])
    assert shared & set(by_first) and shared & set(by_second)


async def test_processes_that_share_a_table_act_once_among_them(
    servers: Servers, fresh_topics: FreshTopics, builds: Builds, tmp_path: Path
) -> None:
    """Each has a group of its own, so each is given every verdict."""
    prefix = await fresh_topics()
    services = [
        Service(build.result(), servers.kafka_bootstrap, prefix, tmp_path, group) for group, build in builds.items()
    ]
    with ended_afterwards(*services):
        await write(servers.kafka_bootstrap, services[0].topic, messages())
        processes = [service.start() for service in services]
        reading = [asyncio.create_task(running.read()) for running in processes]

        async def all_committed() -> bool:
            ends = await services[0].ends()
            return all([await service.committed() == ends for service in services])

        await until(all_committed)
        for running in processes:
            running.popen.send_signal(signal.SIGTERM)
        assert [await running.ended() for running in processes] == [0, 0, 0]
        await asyncio.gather(*reading)
    assert services[0].actions() == EXPECTED
    assert sorted(line["verdict_id"] for running in processes for line in running.lines) == sorted(EXPECTED)
