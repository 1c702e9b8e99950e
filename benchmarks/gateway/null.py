"""Our gateway with a publisher that acknowledges at once: what a request costs without Kafka's client."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Final

import uvloop

from services.gateway.__main__ import serve_app
from services.gateway.app import Adapters, create_app
from services.gateway.memory import MemoryReceiptStore, MemoryReplies, MemorySessionStore
from services.gateway.ports import Record
from services.gateway.settings import GatewaySettings
from shared.api_keys import StoredKey
from shared.logs import configure_logs

_TENANT: Final = "bench"


class NullPublisher:
    """Acknowledges at once."""

    ready = True

    async def publish(self, records: Sequence[Record]) -> None:
        """Do nothing."""

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


def main() -> None:
    """Serve; the one key is told by the environment."""
    _, key_id, secret = os.environ["TELLTALE_LOAD_API_KEY"].split("_", 2)
    digest = hashlib.sha256(secret.encode()).digest()

    async def load_keys() -> Mapping[str, StoredKey]:
        return {key_id: StoredKey(_TENANT, digest)}

    settings = GatewaySettings()
    configure_logs("gateway", settings.log_level)
    app = create_app(
        settings, Adapters(NullPublisher(), MemoryReplies(), MemoryReceiptStore(), MemorySessionStore(), load_keys)
    )
    uvloop.run(serve_app(settings, app))


if __name__ == "__main__":
    main()
