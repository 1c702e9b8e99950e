from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.local.servers_for_tests import Servers
from tests.integration.scorer.harness import Field, field_of


@pytest.fixture
async def field(servers: Servers, fresh_topics: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Field]:
    """Fresh topics and scorers on them."""
    async with field_of(servers, await fresh_topics(), tmp_path) as made:
        yield made
