import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from deploy.local.credentials import ADMIN
from deploy.local.servers_for_tests import Servers
from deploy.provision.migrations import migrate
from deploy.provision.roles import OWNER
from tests.integration.persister.harness import System, new_tenant, open_system


@pytest.fixture
async def system(servers: Servers, fresh_topics: Callable[..., Awaitable[str]]) -> AsyncIterator[System]:
    """Topics of its own on real servers."""
    async with open_system(servers, await fresh_topics()) as opened:
        yield opened


@pytest.fixture
async def own_servers(servers: Servers) -> AsyncIterator[Servers]:
    """The servers with an empty database of the test's own."""
    name = f"own_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.postgres_dsn_by_role[ADMIN])
    await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    try:
        dsns = {role: f"{dsn.rpartition('/')[0]}/{name}" for role, dsn in servers.postgres_dsn_by_role.items()}
        yield replace(servers, postgres_dsn_by_role=dsns)
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def own_system(own_servers: Servers, fresh_topics: Callable[..., Awaitable[str]]) -> AsyncIterator[System]:
    """A system with a database of its own, which may be hurt."""
    migrate(own_servers.postgres_dsn_by_role[OWNER])
    async with open_system(own_servers, await fresh_topics()) as opened:
        yield opened


@pytest.fixture
def tenant_id() -> str:
    """Name a tenant of its own; rows need no entry in tenants."""
    return new_tenant()
