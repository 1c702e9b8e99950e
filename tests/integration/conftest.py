"""Real servers for integration tests: one instance for every test, started by the local stack's own code.

``TELLTALE_TEST_SERVERS=testcontainers`` takes them from a Docker engine instead.
``TELLTALE_TEST_KEEP=1`` leaves the local instance running, and the next run uses it again.
"""

import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest

from deploy.local.servers_for_tests import Servers, local_servers
from deploy.provision.topics import ensure_topics
from shared.topics import DEFAULT_PARTITIONS, TOPICS, Topic

FreshTopics = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kafka, PostgreSQL (roles, database, migrations) and Redis, ready."""
    if os.environ.get("TELLTALE_TEST_SERVERS") == "testcontainers":
        from tests.integration.containers import container_servers

        with container_servers() as started:
            yield started
        return
    with local_servers(keep=os.environ.get("TELLTALE_TEST_KEEP") == "1") as started:
        yield started


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
