from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from deploy.local.servers_for_tests import Servers
from tests.integration.persister.harness import System, new_tenant, open_system


@pytest.fixture
async def system(servers: Servers, fresh_topics: Callable[..., Awaitable[str]]) -> AsyncIterator[System]:
    """Topics of its own on real servers."""
    async with open_system(servers, await fresh_topics()) as opened:
        yield opened


@pytest.fixture
def tenant_id() -> str:
    """Name a tenant of its own; rows need no entry in tenants."""
    return new_tenant()
