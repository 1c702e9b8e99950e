"""The client against the real gateway: through cut connections everything arrives, once by its ids and in order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

import telltale
from deploy.local.servers_for_tests import Servers
from services.gateway.app import Adapters, create_app, real_adapters
from services.gateway.memory import MemoryPublisher, MemoryReceiptStore, MemoryReplies, MemorySessionStore
from tests.integration.conftest import Tenant
from tests.integration.gateway.kit import gateway_settings
from tests.integration.gateway.proxy import Proxy, proxied
from tests.unit.gateway.kit import Keys, served, settings

SUBJECTS, EVENTS = 6, 200
LIMITS = telltale.Limits(linger_s=0.02, max_batch_events=15, max_requests=3, max_backoff_s=0.2, close_timeout_s=30)


async def send_all(client: telltale.AsyncClient, disturb: Callable[[int], Awaitable[None]]) -> None:
    """Send numbered events of several subjects while somebody disturbs."""
    async with client:
        for number in range(EVENTS):
            for name in range(SUBJECTS):
                assert client.subject("session", f"s-{name}").add({"type": "scroll", "y": number})
            if number % 20 == 0:
                await client.flush()
                await disturb(number)
        await client.flush()
        stats = client.stats()
    assert (stats.delivered, stats.dropped, stats.unknown) == (SUBJECTS * EVENTS, 0, 0)


def arrived(values: list[bytes]) -> dict[str, list[int]]:
    """Give each subject's numbers in order of arrival, every batch id once."""
    numbers: dict[str, list[int]] = {}
    seen: set[str] = set()
    for batch in map(json.loads, values):
        if batch["batch_id"] not in seen:
            seen.add(batch["batch_id"])
            numbers.setdefault(batch["subject"]["id"], []).extend(event["y"] for event in batch["events"])
    return numbers


def all_in_order() -> dict[str, list[int]]:
    return {f"s-{name}": list(range(EVENTS)) for name in range(SUBJECTS)}


async def cut_for_a_moment(proxy: Proxy) -> None:
    await proxy.cut()
    await proxy.open()


async def test_cut_connections_and_a_broker_away_lose_nothing() -> None:
    keys, publisher = Keys(), MemoryPublisher(timeout_s=0.2)
    app = create_app(
        settings(),
        Adapters(
            publisher, MemoryReplies(), MemoryReceiptStore(), MemorySessionStore(), keys.load, lambda: datetime.now(UTC)
        ),
    )
    disturbances: list[asyncio.Task[None]] = []
    one_at_a_time = asyncio.Lock()

    async def broker_away() -> None:
        publisher.available = False
        await asyncio.sleep(0.05)
        publisher.available = True

    async def connections_cut() -> None:
        await asyncio.sleep(0.01)
        async with one_at_a_time:
            await cut_for_a_moment(proxy)

    async def disturb(number: int) -> None:
        disturbances.append(asyncio.create_task(broker_away() if number % 100 == 0 else connections_cut()))

    async with served(app) as port, proxied(f"127.0.0.1:{port}") as proxy:
        client = telltale.AsyncClient(f"http://127.0.0.1:{proxy.port}", keys.text, limits=LIMITS)
        await send_all(client, disturb)
        await asyncio.gather(*disturbances)
    assert arrived([record.value for record in publisher.records]) == all_in_order()


async def test_the_real_gateway_names_what_it_refuses_and_only_that_is_dropped() -> None:
    keys, publisher = Keys(), MemoryPublisher()
    app = create_app(
        settings(max_body_bytes=8_192),
        Adapters(
            publisher, MemoryReplies(), MemoryReceiptStore(), MemorySessionStore(), keys.load, lambda: datetime.now(UTC)
        ),
    )
    drops: list[telltale.Dropped] = []
    bad: dict[str, Any] = {"type": "key.press", "key": "a"}
    limits = telltale.Limits(linger_s=60)
    async with served(app) as port:
        async with telltale.AsyncClient(
            f"http://127.0.0.1:{port}", keys.text, limits=limits, on_drop=drops.append
        ) as client:
            for number in range(EVENTS):
                for name in range(SUBJECTS):
                    event = bad if (name, number) in {(1, 50), (4, 0)} else {"type": "scroll", "y": number}
                    client.subject("session", f"s-{name}").add(event)
            await client.flush()
            stats = client.stats()
    expected = all_in_order()
    expected["s-1"].remove(50)
    expected["s-4"].remove(0)
    assert arrived([record.value for record in publisher.records]) == expected
    assert (stats.delivered, stats.dropped) == (SUBJECTS * EVENTS - 2, 2)
    assert [(dropped.reason, dropped.event_count) for dropped in drops] == [("refused", 1)] * 2


async def test_everything_reaches_the_broker_in_order(
    servers: Servers, tenant: Tenant, fresh_topics: Callable[..., Awaitable[str]]
) -> None:
    limits = gateway_settings(servers, await fresh_topics())
    async with (
        served(create_app(limits, real_adapters(limits)), limits) as port,
        proxied(f"127.0.0.1:{port}") as proxy,
    ):
        client = telltale.AsyncClient(f"http://127.0.0.1:{proxy.port}", tenant.api_key, limits=LIMITS)
        await send_all(client, lambda _: cut_for_a_moment(proxy))
    values = await values_of(limits.kafka_bootstrap, f"{limits.topic_prefix}events.behavior.v1")
    assert arrived(values) == all_in_order()


async def values_of(bootstrap: str, topic: str) -> list[bytes]:
    """Read a topic of 4 partitions from its beginning to its end now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(4)]
        consumer.assign(partitions)
        expected = sum((await consumer.end_offsets(partitions)).values())
        values: list[bytes] = []
        async with asyncio.timeout(20):
            while len(values) < expected:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()
