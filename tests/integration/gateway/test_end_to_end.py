"""The gateway on a real broker, database and Redis, behind its real HTTP server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.servers_for_tests import Servers
from services.gateway.app import create_app, real_adapters
from services.gateway.kafka import partition_of
from services.gateway.settings import GatewaySettings
from shared.cloudevents import read_batch_headers
from tests.integration.gateway.kit import gateway_settings, key_of, until_ready
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
