"""A broker that hangs: the gateway says 503, the client slows down to what it was asked, nothing is lost in silence."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import httpx

import telltale
from deploy.local.servers_for_tests import Servers
from services.gateway.app import create_app, real_adapters
from tests.integration.conftest import Tenant
from tests.integration.gateway.kit import gateway_settings, until, until_ready
from tests.integration.gateway.proxy import proxied
from tests.integration.sdk.test_gateway import values_of
from tests.unit.gateway.kit import served

REQUESTS, ROOM = 4, 500
LIMITS = telltale.Limits(
    linger_s=0.01,
    max_batch_events=10,
    max_request_batches=1,
    max_requests=REQUESTS,
    max_buffered_events=ROOM,
    max_backoff_s=0.01,  # only what the server asks for may slow it down
    request_timeout_s=30,
    deadline_s=120,
    close_timeout_s=60,
)


async def test_a_hanging_broker_slows_the_client_down_and_loses_nothing(
    servers: Servers, tenant: Tenant, fresh_topics: Callable[..., Awaitable[str]]
) -> None:
    prefix = await fresh_topics()
    drops: list[telltale.Dropped] = []
    receipts: list[telltale.Receipt] = []
    async with proxied(servers.kafka_bootstrap, rewrite=True) as kafka:
        limits = gateway_settings(
            servers,
            prefix,
            kafka_bootstrap=f"127.0.0.1:{kafka.port}",
            publish_timeout_s=2.0,
            max_in_flight_batches=2,
        )
        async with served(create_app(limits, real_adapters(limits)), limits) as port:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                await until_ready(http)
            client = telltale.AsyncClient(
                f"http://127.0.0.1:{port}",
                tenant.api_key,
                limits=LIMITS,
                on_drop=drops.append,
                on_receipt=receipts.append,
            )
            async with client:
                subjects = [client.subject("session", f"s-{number}") for number in range(8)]
                offered = await offer(client, subjects, until_full=False)
                await until(lambda: client.stats().delivered == offered)
                kafka.freeze()
                offered += await offer(client, subjects, until_full=True)
                await until(lambda: client.stats().retries >= REQUESTS)
                # Each of the requests under way comes again a second later at the soonest.
                before, started_s = client.stats().requests, time.monotonic()
                await until(lambda: client.stats().requests >= before + 3 * REQUESTS)
                assert time.monotonic() - started_s >= 2.0
                assert client.stats().buffered <= ROOM
                refused = client.stats().refused
                kafka.thaw()
                await client.flush()
            stats = client.stats()
    assert (stats.delivered, stats.dropped, stats.unknown, stats.buffered) == (stats.added, 0, 0, 0)
    assert stats.added + stats.refused == offered
    assert refused > 0
    assert [drop.reason for drop in drops] == ["buffer_full"] * len(drops)
    assert sum(drop.event_count for drop in drops) == stats.refused
    stored = [json.loads(value) for value in await values_of(servers.kafka_bootstrap, f"{prefix}events.behavior.v1")]
    assert {str(receipt.batch_id) for receipt in receipts} == {batch["batch_id"] for batch in stored}
    once = {batch["batch_id"]: len(batch["events"]) for batch in stored}
    assert sum(once.values()) == stats.delivered


async def offer(client: telltale.AsyncClient, subjects: list[telltale.Subject], *, until_full: bool) -> int:
    """Add events: a hundred, or until the client has no room; give how many were offered."""
    offered = 0
    while client.stats().refused < 100 if until_full else offered < 100:
        subjects[offered % len(subjects)].add({"type": "scroll", "y": offered})
        offered += 1
        if offered % 10 == 0:
            await asyncio.sleep(0)
    return offered
