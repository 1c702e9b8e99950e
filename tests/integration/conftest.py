"""Real servers for integration tests: one instance for every test, started by the local stack's own code.

``TELLTALE_TEST_SERVERS=testcontainers`` takes them from a Docker engine instead.
``TELLTALE_TEST_KEEP=1`` leaves the local instance running, and the next run uses it again.
"""

import contextlib
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest

from deploy.local.containers_for_tests import container_servers
from deploy.local.servers_for_tests import Servers, local_servers
from deploy.provision.roles import OWNER
from deploy.provision.tenants import add_tenant, create_key
from deploy.provision.topics import ensure_topics
from shared.topics import DEFAULT_PARTITIONS, TOPICS, Topic

FreshTopics = Callable[..., Awaitable[str]]


@dataclass(frozen=True, slots=True, repr=False)
class Tenant:
    """A tenant no other test uses, and its API key."""

    tenant_id: str
    api_key: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kafka, PostgreSQL (roles, database, migrations) and Redis, ready."""
    with contextlib.ExitStack() as stack:
        if os.environ.get("TELLTALE_TEST_SERVERS") == "testcontainers":
            yield stack.enter_context(container_servers())
        else:
            yield stack.enter_context(local_servers(keep=os.environ.get("TELLTALE_TEST_KEEP") == "1"))


@pytest.fixture
def fresh_topics(servers: Servers) -> FreshTopics:
    """Make topics nobody else uses.

    ``prefix = await fresh_topics()`` makes every topic of ``shared.topics`` under a new prefix and returns the
    prefix; ``fresh_topics(topics=[...], partitions=1)`` makes only those.
    """

    async def make(topics: Sequence[Topic] = TOPICS, partitions: int = DEFAULT_PARTITIONS) -> str:
        prefix = f"t{uuid.uuid4().hex[:10]}."
        await ensure_topics(servers.kafka_bootstrap, topics, partitions=partitions, prefix=prefix)
        return prefix

    return make


@pytest.fixture
async def tenant(servers: Servers) -> Tenant:
    """Add a tenant with a key."""
    tenant_id = f"t-{uuid.uuid4().hex[:12]}"
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    try:
        await add_tenant(owner, tenant_id)
        return Tenant(tenant_id, await create_key(owner, tenant_id))
    finally:
        await owner.close()
