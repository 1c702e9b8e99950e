"""Servers that go away and come back under a running gateway."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from deploy.local.servers_for_tests import Servers
from deploy.provision.tenants import revoke_key
from services.gateway.app import create_app, real_adapters
from services.gateway.kafka import KafkaLimits, KafkaPublisher
from services.gateway.partitioner import partition_of
from services.gateway.ports import BrokerUnavailable, Record
from services.gateway.settings import GatewaySettings
from shared.topics import Domain
from tests.integration.gateway.kit import gateway_settings, key_of, until, until_ready
from tests.integration.gateway.proxy import Proxy, proxied
from tests.unit.gateway.kit import batch, event, served, text_of

FreshTopics = Callable[..., Awaitable[str]]
TENANT = "outages"
RECORD = Record(Domain.BEHAVIOR, b"acme:session/s-1", b"{}", [], 1_772_366_400_000)


def fresh_batch() -> dict[str, Any]:
    return batch([event(occurred_at=text_of(datetime.now(UTC)))])


@asynccontextmanager
async def gateway(limits: GatewaySettings, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {key}"}
    async with (
        served(create_app(limits, real_adapters(limits)), limits) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        yield client


async def until_status(client: httpx.AsyncClient, status: int, sent: dict[str, Any]) -> float:
    """Send one batch again until it is answered so; give the seconds it took."""
    started_s = time.monotonic()
    async with asyncio.timeout(30):
        while (await client.post("/v1/events", json=sent)).status_code != status:
            await asyncio.sleep(0.1)
    return time.monotonic() - started_s


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_a_broker_outage_is_503_and_heals(servers: Servers, fresh_topics: FreshTopics, how: str) -> None:
    key = await key_of(servers, TENANT)
    async with proxied(servers.kafka_bootstrap, rewrite=True) as kafka:
        limits = gateway_settings(
            servers, await fresh_topics(), kafka_bootstrap=f"127.0.0.1:{kafka.port}", publish_timeout_s=2.0
        )
        async with gateway(limits, key) as client:
            await until_ready(client)
            sent = fresh_batch()
            await until_status(client, 202, sent)  # a fresh topic may have no leader yet
            await _take_away(kafka, how)
            started_s = time.monotonic()
            answer = await client.post("/v1/events", json=fresh_batch())
            assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert time.monotonic() - started_s < 5
            async with asyncio.timeout(10):
                while (await client.get("/readyz")).status_code != 503:
                    await asyncio.sleep(0.05)
            started_s = time.monotonic()
            assert (await client.post("/v1/events", json=sent)).status_code == 503
            assert time.monotonic() - started_s < 1.5  # while it is known to be away nobody waits for it
            await _bring_back(kafka, how)
            await until_status(client, 202, sent)
            await until_ready(client)


async def test_a_broker_back_in_time_goes_unnoticed(servers: Servers, fresh_topics: FreshTopics) -> None:
    key = await key_of(servers, TENANT)
    async with proxied(servers.kafka_bootstrap, rewrite=True) as kafka:
        limits = gateway_settings(servers, await fresh_topics(), kafka_bootstrap=f"127.0.0.1:{kafka.port}")
        async with gateway(limits, key) as client:
            await until_ready(client)
            await kafka.cut()
            waiting = asyncio.create_task(client.post("/v1/events", json=fresh_batch()))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            await kafka.open()
            assert (await waiting).status_code == 202


async def _take_away(proxy: Proxy, how: str) -> None:
    if how == "cut":
        await proxy.cut()
    else:
        proxy.freeze()


async def _bring_back(proxy: Proxy, how: str) -> None:
    if how == "cut":
        await proxy.open()
    else:
        proxy.thaw()


async def test_a_hanging_broker_does_not_hold_up_the_end(servers: Servers, fresh_topics: FreshTopics) -> None:
    async with proxied(servers.kafka_bootstrap, rewrite=True) as kafka:
        limits = gateway_settings(servers, await fresh_topics(), kafka_bootstrap=f"127.0.0.1:{kafka.port}")
        publisher = KafkaPublisher(KafkaLimits.of(limits))
        await publisher.start()
        await until(lambda: publisher.ready)
        kafka.freeze()
        publishing = asyncio.create_task(publisher.publish([RECORD]))
        await until(lambda: publisher.in_flight.batches == 1)
        async with asyncio.timeout(10):
            await publisher.stop()
        with pytest.raises(BrokerUnavailable):
            await publishing
        assert (publisher.in_flight.batches, publisher.in_flight.bytes) == (0, 0)


async def test_a_producer_out_of_sequence_is_replaced(servers: Servers, fresh_topics: FreshTopics) -> None:
    limits = gateway_settings(servers, await fresh_topics())
    publisher = KafkaPublisher(KafkaLimits.of(limits))
    await publisher.start()
    try:
        await until(lambda: publisher.ready)
        await publisher.publish([RECORD])
        broken = publisher._session
        assert broken is not None
        sequences = broken.producer._txn_manager._sequence_numbers
        for partition in sequences:
            if partition.partition == partition_of(RECORD.key, 4):
                sequences[partition] += 5
        with pytest.raises(BrokerUnavailable):
            await publisher.publish([RECORD])
        await until(lambda: publisher.ready and publisher._session is not broken)
        await publisher.publish([RECORD])
        assert (publisher.in_flight.batches, publisher.in_flight.bytes) == (0, 0)
    finally:
        await publisher.stop()


async def test_it_starts_without_any_server_and_finds_each_by_itself(
    servers: Servers, fresh_topics: FreshTopics
) -> None:
    key = await key_of(servers, TENANT)
    async with (
        proxied(servers.kafka_bootstrap, rewrite=True) as kafka,
        proxied(_address(servers.redis_url)) as redis,
        proxied(_address(servers.postgres_dsn_by_role["telltale_gateway"])) as postgres,
    ):
        limits = gateway_settings(
            servers,
            await fresh_topics(),
            kafka_bootstrap=f"127.0.0.1:{kafka.port}",
            redis_url=_moved(servers.redis_url, redis.port),
            postgres_dsn=_moved(servers.postgres_dsn_by_role["telltale_gateway"], postgres.port),
        )
        everything = (kafka, redis, postgres)
        for proxy in everything:
            await proxy.cut()
        async with gateway(limits, key) as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["checks"] == {"api_keys": False, "broker": False}
            assert ready.json()["optional"] == {"redis": False, "postgresql": False}
            answer = await client.post("/v1/events", json=fresh_batch())
            assert answer.json()["code"] == "auth_unavailable"
            for proxy in everything:
                await proxy.open()
            await until_ready(client)
            async with asyncio.timeout(15):
                while not all((await client.get("/readyz")).json()["optional"].values()):
                    await asyncio.sleep(0.05)
            assert (await client.post("/v1/events", json=fresh_batch())).status_code == 202


async def test_without_redis_nobody_waits_and_it_heals(servers: Servers, fresh_topics: FreshTopics) -> None:
    key = await key_of(servers, TENANT)
    async with proxied(_address(servers.redis_url)) as redis:
        limits = gateway_settings(servers, await fresh_topics(), redis_url=_moved(servers.redis_url, redis.port))
        async with gateway(limits, key) as client:
            await until_ready(client)
            await _until_optional(client, "redis", True)
            waiting = asyncio.create_task(client.post("/v1/events?wait_ms=10000", json=fresh_batch()))
            await asyncio.sleep(0.2)
            started_s = time.monotonic()
            await redis.cut()
            assert (await waiting).status_code == 202
            assert (await client.post("/v1/events?wait_ms=10000", json=fresh_batch())).status_code == 202
            assert time.monotonic() - started_s < 5
            await redis.open()
            await _until_optional(client, "redis", True)


async def test_a_hanging_redis_costs_no_more_than_the_wait(servers: Servers, fresh_topics: FreshTopics) -> None:
    key = await key_of(servers, TENANT)
    async with proxied(_address(servers.redis_url)) as redis:
        limits = gateway_settings(servers, await fresh_topics(), redis_url=_moved(servers.redis_url, redis.port))
        async with gateway(limits, key) as client:
            await until_ready(client)
            await _until_optional(client, "redis", True)
            assert (await client.post("/v1/events", json=fresh_batch())).status_code == 202  # the topic is known now
            redis.freeze()
            started_s = time.monotonic()
            assert (await client.post("/v1/events?wait_ms=300", json=fresh_batch())).status_code == 202
            assert time.monotonic() - started_s < 1
            await _until_optional(client, "redis", False)
            redis.thaw()
            await _until_optional(client, "redis", True)


async def test_without_postgresql_batches_are_still_accepted(servers: Servers, fresh_topics: FreshTopics) -> None:
    key = await key_of(servers, TENANT)
    dsn = servers.postgres_dsn_by_role["telltale_gateway"]
    async with proxied(_address(dsn)) as postgres:
        limits = gateway_settings(servers, await fresh_topics(), postgres_dsn=_moved(dsn, postgres.port))
        async with gateway(limits, key) as client:
            await until_ready(client)
            await postgres.cut()
            sent = fresh_batch()
            assert (await client.post("/v1/events", json=sent)).status_code == 202
            assert (await client.get(f"/v1/batches/{sent['batch_id']}")).json()["status"] == "accepted"
            unknown = await client.get(f"/v1/batches/{fresh_batch()['batch_id']}")
            assert (unknown.status_code, unknown.json()["code"]) == (503, "store_unavailable")
            await postgres.open()
            async with asyncio.timeout(15):
                while (await client.get(f"/v1/batches/{fresh_batch()['batch_id']}")).status_code != 404:
                    await asyncio.sleep(0.1)


async def test_without_postgresql_known_sessions_take_data_and_others_wait(
    servers: Servers, fresh_topics: FreshTopics
) -> None:
    key = await key_of(servers, TENANT)
    dsn = servers.postgres_dsn_by_role["telltale_gateway"]
    data = {"scroll": [{"y": 1, "timestamp": time.time() * 1000}]}
    async with proxied(_address(dsn)) as postgres:
        moved = _moved(dsn, postgres.port)
        limits = gateway_settings(servers, await fresh_topics(), postgres_dsn=moved, session_wait_ms=0)
        async with gateway(limits, key) as client:
            await until_ready(client)
            session_id = (await client.post("/api/sessions", json={})).json()["session_id"]
            await postgres.cut()
            assert (await client.post(f"/api/sessions/{session_id}/data", json=data)).status_code == 202
            for path in (f"/api/sessions/{uuid.uuid4()}/data", "/api/sessions"):
                answer = await client.post(path, json=data)
                assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
                assert int(answer.headers["retry-after"]) > 0
            await postgres.open()
            async with asyncio.timeout(15):
                while (await client.post(f"/api/sessions/{uuid.uuid4()}/data", json=data)).status_code != 404:
                    await asyncio.sleep(0.1)
            assert (await client.post(f"/api/sessions/{session_id}/data", json=data)).status_code == 202


async def test_a_revoked_key_stops_working_within_seconds(servers: Servers, fresh_topics: FreshTopics) -> None:
    key = await key_of(servers, TENANT)
    limits = gateway_settings(servers, await fresh_topics())
    async with gateway(limits, key) as client:
        await until_ready(client)
        assert (await client.post("/v1/events", json=fresh_batch())).status_code == 202
        owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
        try:
            await revoke_key(owner, key.split("_")[1])
        finally:
            await owner.close()
        assert await until_status(client, 401, fresh_batch()) < 5


async def _until_optional(client: httpx.AsyncClient, name: str, there: bool) -> None:
    async with asyncio.timeout(15):
        while (await client.get("/readyz")).json()["optional"][name] is not there:
            await asyncio.sleep(0.05)


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def _moved(url: str, port: int) -> str:
    return url.replace(f":{urlsplit(url).port}", f":{port}", 1)
