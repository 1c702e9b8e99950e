"""A caller that waits for its verdict, as the tests of faults need one."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.e2e.system import System


async def wait_for_verdict(system: System, wait_ms: int = 1000) -> httpx.Response:
    """Send a small batch and wait for its verdict in the answer."""
    batch: dict[str, Any] = {
        "batch_id": str(uuid.uuid4()),
        "domain": "behavior",
        "subject": {"type": "session", "id": f"caller-{uuid.uuid4().hex[:8]}"},
        "events": [{"type": "focus.gained", "occurred_at": datetime.now(UTC).isoformat()}],
    }
    async with system.gateway() as gateway:
        return await gateway.post("/v1/events", params={"wait_ms": wait_ms}, json=batch)


async def until_answered(system: System, status: int, timeout_s: float = 30) -> httpx.Response:
    """Send such batches until one is answered so."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                answer = await wait_for_verdict(system)
            except httpx.TransportError:
                continue
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.1)
