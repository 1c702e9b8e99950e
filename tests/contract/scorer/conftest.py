"""The real adapters' servers, as the integration tests have them."""

from tests.integration.conftest import fresh_topics, servers

__all__ = ["fresh_topics", "servers"]
