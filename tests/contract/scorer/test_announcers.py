"""What every announcer does, in memory and over Redis."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from deploy.local.servers_for_tests import Servers
from services.scorer.stream.announcer import MemoryAnnouncer, RedisAnnouncer
from services.scorer.stream.ports import Admitted, Announcement, Announcer
from shared.contracts.batch import decode_batch
from shared.redis_keys import batch_verdict, latest_verdict
from shared.topics import Domain
from tests.unit.scorer.stream.counting import CountingJudge
from tests.unit.scorer.stream.inputs import NOON, behavior


class Bench:
    """An announcer, what it left, and who listens."""

    def __init__(self, announcer: Announcer, redis: Redis | None = None, listener: PubSub | None = None) -> None:
        self.announcer = announcer
        self.tenant = f"t{secrets.token_hex(6)}"
        self._memory = announcer if isinstance(announcer, MemoryAnnouncer) else None
        self._redis, self._listener = redis, listener

    def announcement(self, number: int, reply_to: str | None = None, latest: bool = True) -> Announcement:
        batch = decode_batch(behavior(number).value)
        item = Admitted(self.tenant, Domain.BEHAVIOR, NOON + timedelta(seconds=number), 0, batch)
        verdict = CountingJudge().fold(None, item).verdict
        assert verdict is not None
        return Announcement(verdict, msgspec.json.encode(verdict), reply_to, latest)

    async def value(self, key: str) -> bytes | None:
        if self._memory is not None:
            return self._memory.values.get(key)
        assert self._redis is not None
        found = await self._redis.get(key)
        assert not isinstance(found, str)
        return found

    async def heard(self, count: int) -> list[bytes]:
        if self._memory is not None:
            return [message for channel, message in self._memory.published if channel == CHANNEL]
        assert self._listener is not None
        messages = [await self._listener.get_message(ignore_subscribe_messages=True, timeout=5) for _ in range(count)]
        return [message["data"] for message in messages]


CHANNEL = f"telltale:replies:{secrets.token_hex(4)}"


@pytest.fixture(params=["memory", "redis"])
async def bench(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield Bench(MemoryAnnouncer())
        return
    announcer = RedisAnnouncer.connect(servers.redis_url)
    async with Redis.from_url(servers.redis_url) as redis, redis.pubsub() as listener:
        await listener.subscribe(CHANNEL)
        await listener.get_message(timeout=5)
        yield Bench(announcer, redis, listener)
    await announcer.close()


async def test_the_newest_verdict_of_a_subject_is_kept(bench: Bench) -> None:
    rounds = [[bench.announcement(number), bench.announcement(number + 1)] for number in range(1, 20, 2)]
    for announcements in rounds:
        bench.announcer.announce(announcements)
    await bench.announcer.settle()
    assert await bench.value(latest_verdict(bench.tenant, "session", "s1")) == rounds[-1][-1].body


async def test_a_waiting_caller_hears_its_verdict_and_finds_it_later(bench: Bench) -> None:
    waited = bench.announcement(1, CHANNEL)
    bench.announcer.announce([waited, bench.announcement(2)])
    await bench.announcer.settle()
    [message] = await bench.heard(1)
    assert msgspec.json.decode(message) == {
        "batch_id": str(waited.verdict.batch_id),
        "verdict": msgspec.json.decode(waited.body),
    }
    assert await bench.value(batch_verdict(bench.tenant, waited.verdict.batch_id)) == waited.body


async def test_an_answer_given_again_is_not_the_newest(bench: Bench) -> None:
    bench.announcer.announce([bench.announcement(2), bench.announcement(1, CHANNEL, latest=False)])
    await bench.announcer.settle()
    assert await bench.value(latest_verdict(bench.tenant, "session", "s1")) == bench.announcement(2).body
    assert len(await bench.heard(1)) == 1


async def test_nothing_is_no_work(bench: Bench) -> None:
    bench.announcer.announce([])
    await bench.announcer.settle()


async def test_a_redis_that_never_answers_delays_nobody() -> None:
    accepted = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    announcer = RedisAnnouncer.connect(f"redis://127.0.0.1:{port}/0")
    bench = Bench(announcer)
    try:
        announcement = bench.announcement(1, CHANNEL)
        started_s = time.monotonic()
        announcer.announce([announcement])
        assert time.monotonic() - started_s < 0.1
        await announcer.settle()
        assert time.monotonic() - started_s < 1.0
        attempts = accepted
        announcer.announce([bench.announcement(2, CHANNEL)])
        await announcer.settle()
        assert accepted == attempts, "it tries again too soon after an error"
    finally:
        await announcer.close()
        server.close()
