"""Settings, keys and waiting for tests on real servers."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx

from deploy.local.servers_for_tests import Servers
from deploy.provision.tenants import add_tenant, create_key
from services.gateway.settings import GatewaySettings
from tests.unit.gateway.kit import settings


def gateway_settings(servers: Servers, prefix: str, **changed: Any) -> GatewaySettings:
    found: dict[str, Any] = {
        "kafka_bootstrap": servers.kafka_bootstrap,
        "redis_url": servers.redis_url,
        "postgres_dsn": servers.postgres_dsn_by_role["telltale_gateway"],
        "topic_prefix": prefix,
    }
    return settings(**(found | changed))


async def key_of(servers: Servers, tenant_id: str) -> str:
    owner = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_owner"])
    try:
        await add_tenant(owner, tenant_id)
        return await create_key(owner, tenant_id)
    finally:
        await owner.close()


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def until_ready(client: httpx.AsyncClient, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)
