"""The gateway on a real broker, database and Redis, behind its real HTTP server."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from deploy.local.servers_for_tests import Servers
from services.gateway.app import create_app, real_adapters
from services.gateway.partitioner import partition_of
from services.gateway.settings import GatewaySettings
from shared import redis_keys
from shared.cloudevents import read_batch_headers
from tests.integration.gateway.kit import (
    gateway_settings,
    key_of,
    process_of,
    until,
    until_listening,
    until_ready,
)
from tests.unit.gateway.kit import batch, event, served, text_of

FreshTopics = Callable[..., Awaitable[str]]


@pytest.fixture
async def limits(servers: Servers, fresh_topics: FreshTopics) -> GatewaySettings:
    return gateway_settings(servers, await fresh_topics())


def fresh_batch(subject: str = "s-1", **fields: Any) -> dict[str, Any]:
    return batch([event(occurred_at=text_of(datetime.now(UTC)))], subject={"type": "session", "id": subject}, **fields)


async def records_of(limits: GatewaySettings, topic: str, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=limits.kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(limits.topic_prefix + topic, index) for index in range(4)])
        found: list[Any] = []
        async with asyncio.timeout(15):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
        return found
    finally:
        await consumer.stop()


async def test_batches_reach_the_broker_as_the_client_sent_them(servers: Servers, limits: GatewaySettings) -> None:
    key = await key_of(servers, "end-to-end")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    bodies = [json.dumps(fresh_batch(f"s-{index}"), indent=1).encode() for index in range(20)]
    async with served(create_app(limits, real_adapters(limits)), limits) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            await until_ready(client)
            answers = await asyncio.gather(*(client.post("/v1/events", content=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [202] * len(bodies)
    records = await records_of(limits, "events.behavior.v1", len(bodies))
    assert sorted(record.value for record in records) == sorted(bodies)
    for record in records:
        stamp = read_batch_headers(record.headers)
        assert stamp.tenant_id == "end-to-end"
        assert record.key.decode() == f"end-to-end:{stamp.subject}"
        assert record.partition == partition_of(record.key, 4)
        assert record.timestamp == int(stamp.received_at.timestamp() * 1000)


async def scorer(limits: GatewaySettings, servers: Servers, count: int) -> None:
    """Answer the first batches of the topic, as the scorer does."""
    redis = Redis.from_url(servers.redis_url)
    try:
        for record in await records_of(limits, "events.behavior.v1", count):
            stamp = read_batch_headers(record.headers)
            assert stamp.reply_to is not None
            verdict = json.dumps({"tenant_id": stamp.tenant_id, "action": "ALLOW"}).encode()
            await redis.set(redis_keys.batch_verdict(stamp.tenant_id, stamp.batch_id), verdict, ex=60)
            reply = b'{"batch_id":"%s","verdict":%s}' % (str(stamp.batch_id).encode(), verdict)
            await redis.publish(stamp.reply_to, reply)
    finally:
        await redis.aclose()


async def test_a_verdict_comes_in_the_answer_and_again_to_a_retry(servers: Servers, limits: GatewaySettings) -> None:
    key = await key_of(servers, "end-to-end")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    async with (
        served(create_app(limits, real_adapters(limits)), limits) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client,
    ):
        await until_ready(client)
        async with asyncio.timeout(10):
            while not (await client.get("/readyz")).json()["optional"]["redis"]:
                await asyncio.sleep(0.05)
        sent = fresh_batch()
        answer, _ = await asyncio.gather(client.post("/v1/events?wait_ms=10000", json=sent), scorer(limits, servers, 1))
        assert answer.status_code == 200
        assert answer.json()["receipts"][0]["verdict"] == {"tenant_id": "end-to-end", "action": "ALLOW"}
        again = await client.post("/v1/events?wait_ms=10000", json=sent)
        assert (again.status_code, again.content) == (200, answer.content)
        assert (await client.post("/v1/events?wait_ms=50", json=fresh_batch())).status_code == 202
    assert len(await records_of(limits, "events.behavior.v1", 2)) == 2


async def test_a_process_stopped_for_a_while_goes_on_and_keeps_every_promise(
    servers: Servers, limits: GatewaySettings, unused_tcp_port: int
) -> None:
    key = await key_of(servers, "end-to-end")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    accepted: list[str] = []
    over = asyncio.Event()

    async def send_until_over(client: httpx.AsyncClient, number: int) -> None:
        while not over.is_set():
            sent = fresh_batch(f"s-{number}")
            if (await client.post("/v1/events", json=sent)).status_code == 202:
                accepted.append(sent["batch_id"])

    async def until_accepted(more: int) -> None:
        wanted = len(accepted) + more
        await until(lambda: len(accepted) >= wanted)

    async with (
        process_of(limits, unused_tcp_port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}", headers=headers, timeout=60) as client,
    ):
        await until_listening(client)
        senders = [asyncio.create_task(send_until_over(client, number)) for number in range(8)]
        for seconds in (0.5, 3.0):
            await until_accepted(50)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            process.send_signal(signal.SIGCONT)
        await until_accepted(50)
        over.set()
        await asyncio.gather(*senders)
        assert process.returncode is None
    records = await records_of(limits, "events.behavior.v1", len(accepted))
    assert set(accepted) <= {json.loads(record.value)["batch_id"] for record in records}


async def test_the_process_ends_on_a_signal_and_keeps_every_promise(
    servers: Servers, limits: GatewaySettings, unused_tcp_port: int
) -> None:
    key = await key_of(servers, "end-to-end")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    accepted: list[str] = []

    async def send_until_it_ends(client: httpx.AsyncClient, number: int) -> None:
        with contextlib.suppress(httpx.TransportError):
            while True:
                sent = fresh_batch(f"s-{number}")
                if (await client.post("/v1/events", json=sent)).status_code == 202:
                    accepted.append(sent["batch_id"])

    async with (
        process_of(limits, unused_tcp_port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}", headers=headers) as client,
    ):
        await until_listening(client)
        senders = [asyncio.create_task(send_until_it_ends(client, number)) for number in range(8)]
        await until(lambda: len(accepted) > 100)
        asked = datetime.now(UTC)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, log = await process.communicate()
            await asyncio.gather(*senders)
    assert process.returncode == 0, log.decode()
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert all(line["service"] == "gateway" for line in lines)
    # At its start a slow machine may be told that Redis or PostgreSQL is away.
    after = [line for line in lines if datetime.fromisoformat(line["timestamp"]) >= asked]
    assert [line for line in after if line["level"] == "WARNING"] == []
    assert [line for line in lines if line["level"] in {"ERROR", "CRITICAL"}] == []
    assert key.split("_", 2)[2] not in log.decode()
    records = await records_of(limits, "events.behavior.v1", len(accepted))
    assert set(accepted) <= {json.loads(record.value)["batch_id"] for record in records}
