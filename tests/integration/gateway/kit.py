"""Settings, keys and waiting for tests on real servers."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Any

import asyncpg
import httpx
from pydantic import SecretStr

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


@asynccontextmanager
async def process_of(
    limits: GatewaySettings, port: int, stderr: int | IO[bytes] = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The gateway as its own process, with the settings that were set, ended at the end whatever happens."""
    given = {name: getattr(limits, name) for name in limits.model_fields_set} | {"http_port": port}
    environment = os.environ | {
        f"TELLTALE_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in given.items()
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", env=environment, stderr=stderr
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def until_listening(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
