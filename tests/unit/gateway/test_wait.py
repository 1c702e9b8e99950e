"""Waiting for verdicts in the answer, over in-memory adapters."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.gateway.waiting import WaitingRoom
from shared.cloudevents import read_batch_headers
from tests.unit.gateway.kit import OTHER_TENANT, TENANT, Gateway, batch, running

VERDICT = b'{"action":"ALLOW","risk_score":0.12}'


async def scorer(gateway: Gateway, count: int, tenant_id: str = TENANT) -> None:
    """Answer so many batches once each is on the broker, as the scorer does."""
    for index in range(count):
        while len(gateway.publisher.records) <= index:
            await asyncio.sleep(0)
        stamp = read_batch_headers(gateway.publisher.records[index].headers)
        assert stamp.reply_to == "memory"
        gateway.replies.reply(tenant_id, stamp.batch_id, VERDICT)


async def test_a_verdict_in_time_is_200() -> None:
    async with running() as gateway:
        sent = batch()
        answer, _ = await asyncio.gather(gateway.post(sent, query="?wait_ms=5000"), scorer(gateway, 1))
        assert answer.status_code == 200
        (receipt,) = answer.json()["receipts"]
        assert receipt["verdict"] == json.loads(VERDICT)
        assert receipt["status"] == "accepted"


async def test_all_verdicts_of_an_array_are_200_and_some_are_202() -> None:
    async with running() as gateway:
        array = [batch(), batch(), batch()]
        answer, _ = await asyncio.gather(gateway.post(array, query="?wait_ms=5000"), scorer(gateway, 3))
        assert answer.status_code == 200
    async with running() as gateway:
        answer, _ = await asyncio.gather(gateway.post(array, query="?wait_ms=50"), scorer(gateway, 2))
        assert answer.status_code == 202
        assert ["verdict" in receipt for receipt in answer.json()["receipts"]] == [True, True, False]


async def test_no_verdict_in_time_is_202_with_the_plain_receipt() -> None:
    async with running() as gateway:
        sent = batch()
        waited = await gateway.post(sent, query="?wait_ms=20")
        plain = await gateway.post(sent)
        assert (waited.status_code, waited.content) == (202, plain.content)


async def test_an_answered_batch_is_answered_again_without_a_second_publish() -> None:
    async with running() as gateway:
        sent, fresh = batch(), batch()
        first, _ = await asyncio.gather(gateway.post(sent, query="?wait_ms=5000"), scorer(gateway, 1))
        again = await gateway.post(sent, query="?wait_ms=5000")
        assert (again.status_code, again.content) == (200, first.content)
        assert len(gateway.publisher.records) == 1
        both = await gateway.post([sent, fresh], query="?wait_ms=20")
        assert both.status_code == 202
        assert [read_batch_headers(record.headers).batch_id for record in gateway.publisher.records[1:]] == [
            UUID(fresh["batch_id"])
        ]


async def test_another_tenant_s_verdict_of_the_same_batch_id_is_not_ours() -> None:
    async with running() as gateway:
        sent = batch()
        gateway.replies.by_batch[OTHER_TENANT, UUID(sent["batch_id"])] = VERDICT
        answer, _ = await asyncio.gather(
            gateway.post(sent, query="?wait_ms=50"), scorer(gateway, 1, tenant_id=OTHER_TENANT)
        )
        assert answer.status_code == 202
        assert "verdict" not in answer.json()["receipts"][0]


async def test_without_redis_nobody_waits() -> None:
    async with running() as gateway:
        gateway.replies.available = False
        async with asyncio.timeout(2):
            answer = await gateway.post(batch(), query="?wait_ms=10000")
        assert answer.status_code == 202
        assert read_batch_headers(gateway.publisher.records[0].headers).reply_to is None
        ready = await gateway.client.get("/readyz")
        assert (ready.status_code, ready.json()["optional"]["redis"]) == (200, False)


async def test_the_batch_is_published_even_when_nobody_can_wait_more() -> None:
    async with running() as gateway:
        gateway.replies.room.limit = 0
        async with asyncio.timeout(2):
            answer = await gateway.post(batch(), query="?wait_ms=10000")
        assert answer.status_code == 202
        assert len(gateway.publisher.records) == 1


@pytest.mark.parametrize("broken", ["available", "flowing"])
async def test_a_failed_publish_leaves_nobody_waiting(broken: str) -> None:
    async with running() as gateway:
        if broken == "available":
            gateway.publisher.available = False
        else:
            gateway.publisher.flowing.clear()
        answer = await gateway.post(batch(), query="?wait_ms=10000")
        assert answer.status_code == 503
        assert len(gateway.replies.room) == 0


async def test_two_requests_may_wait_for_one_batch() -> None:
    room, batch_id = WaitingRoom(10), uuid4()
    with room.expect(TENANT, [batch_id]) as one, room.expect(TENANT, [batch_id]) as two:
        room.answer((TENANT, batch_id), VERDICT)
        assert await one.collect(1) == await two.collect(1) == {batch_id: VERDICT}
    assert len(room) == 0


async def test_losing_the_subscription_ends_every_wait() -> None:
    room = WaitingRoom(10)
    known, unknown = uuid4(), uuid4()
    with room.expect(TENANT, [known, unknown]) as watch:
        room.answer((TENANT, known), VERDICT)
        room.give_up()
        async with asyncio.timeout(2):
            found: Any = await watch.collect(10)
        assert found == {known: VERDICT}


async def test_a_late_or_foreign_reply_is_nothing() -> None:
    room, batch_id = WaitingRoom(10), uuid4()
    room.answer((TENANT, batch_id), VERDICT)
    with room.expect(TENANT, [batch_id]) as watch:
        room.answer((OTHER_TENANT, batch_id), VERDICT)
        assert await watch.collect(0) == {}
