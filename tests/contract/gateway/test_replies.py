"""What every way to hear verdicts does, in memory and over Redis."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from deploy.local.servers_for_tests import Servers
from services.gateway.memory import MemoryReplies
from services.gateway.ports import Replies
from services.gateway.replies import RedisReplies
from shared import redis_keys
from tests.integration.gateway.kit import until

Answer = Callable[[str, UUID, bytes], Awaitable[None]]


def verdict_of(tenant_id: str, number: int = 1) -> bytes:
    return json.dumps({"tenant_id": tenant_id, "number": number}).encode()


class Bench:
    """Replies, and the scorer's side of them."""

    def __init__(
        self, replies: Replies, answer: Answer, keep_latest: Callable[[str, str, bytes], Awaitable[None]]
    ) -> None:
        self.replies = replies
        self.answer = answer
        self.keep_latest = keep_latest
        self.tenant = f"t{secrets.token_hex(6)}"


@pytest.fixture(params=["memory", "redis"])
async def bench(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Bench]:
    if request.param == "memory":
        memory = MemoryReplies()

        async def answer(tenant_id: str, batch_id: UUID, verdict: bytes) -> None:
            memory.reply(tenant_id, batch_id, verdict)

        async def keep_latest(tenant_id: str, subject_id: str, verdict: bytes) -> None:
            memory.by_subject[tenant_id, "session", subject_id] = verdict

        yield Bench(memory, answer, keep_latest)
        return
    replies = RedisReplies(servers.redis_url, secrets.token_hex(4), 1_000)
    redis = Redis.from_url(servers.redis_url)

    async def publish(tenant_id: str, batch_id: UUID, verdict: bytes) -> None:
        assert replies.channel is not None
        await redis.set(redis_keys.batch_verdict(tenant_id, batch_id), verdict, ex=60)
        await redis.publish(replies.channel, b'{"batch_id":"%s","verdict":%s}' % (str(batch_id).encode(), verdict))

    async def keep(tenant_id: str, subject_id: str, verdict: bytes) -> None:
        await redis.set(redis_keys.latest_verdict(tenant_id, "session", subject_id), verdict, ex=60)

    await replies.start()
    try:
        await until(lambda: replies.ready)
        yield Bench(replies, publish, keep)
    finally:
        await replies.stop()
        await redis.aclose()


async def test_a_verdict_is_heard_while_one_waits(bench: Bench) -> None:
    batch_id = uuid4()
    with bench.replies.expect(bench.tenant, [batch_id]) as watch:
        await bench.answer(bench.tenant, batch_id, verdict_of(bench.tenant))
        assert await watch.collect(5) == {batch_id: verdict_of(bench.tenant)}


async def test_all_are_awaited_and_those_in_time_are_given(bench: Bench) -> None:
    first, second = uuid4(), uuid4()
    with bench.replies.expect(bench.tenant, [first, second]) as watch:
        collecting = asyncio.create_task(watch.collect(2))
        await bench.answer(bench.tenant, second, verdict_of(bench.tenant))
        assert await collecting == {second: verdict_of(bench.tenant)}


async def test_another_tenant_s_verdict_is_not_heard(bench: Bench) -> None:
    batch_id = uuid4()
    with bench.replies.expect(bench.tenant, [batch_id]) as watch:
        await bench.answer("other", batch_id, verdict_of("other"))
        await bench.answer(bench.tenant, uuid4(), verdict_of(bench.tenant))
        assert await watch.collect(0.2) == {}


async def test_answered_batches_are_found_again(bench: Bench) -> None:
    ids = [uuid4() for _ in range(3)]
    await bench.answer(bench.tenant, ids[1], verdict_of(bench.tenant))
    assert await bench.replies.answered(bench.tenant, ids) == {ids[1]: verdict_of(bench.tenant)}
    assert await bench.replies.answered("other", ids) == {}


async def test_latest_verdicts_are_by_subject_and_tenant(bench: Bench) -> None:
    await bench.keep_latest(bench.tenant, "s-1", verdict_of(bench.tenant, 2))
    assert await bench.replies.latest(bench.tenant, "session", "s-1") == verdict_of(bench.tenant, 2)
    assert await bench.replies.latest(bench.tenant, "card", "s-1") is None
    assert await bench.replies.latest("other", "session", "s-1") is None


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_while_it_is_away_every_answer_is_empty_at_once(kind: str, unused_tcp_port: int) -> None:
    replies: Replies
    if kind == "memory":
        replies = memory = MemoryReplies()
        memory.available = False
    else:
        replies = RedisReplies(f"redis://127.0.0.1:{unused_tcp_port}/0", "g", 10)
    await replies.start()
    try:
        async with asyncio.timeout(1):
            assert (replies.ready, replies.channel) == (False, None)
            assert await replies.answered("t", [uuid4()]) == {}
            assert await replies.latest("t", "session", "s") is None
    finally:
        await replies.stop()
