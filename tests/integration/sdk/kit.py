"""The real gateway over memory, and the command line in a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.gateway.app import Adapters, create_app
from services.gateway.memory import MemoryPublisher, MemoryReceiptStore, MemoryReplies, MemorySessionStore
from tests.unit.gateway.kit import Keys, served, settings

INTERRUPTED = 130


@dataclass
class Gateway:
    """A gateway that runs, and what it wrote."""

    url: str
    keys: Keys
    publisher: MemoryPublisher
    replies: MemoryReplies

    @property
    def batches(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.publisher.records]

    async def written(self, count: int = 1) -> None:
        """Wait for so many batches."""
        async with asyncio.timeout(20):
            while len(self.publisher.records) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def gateway_in_memory(**changed: Any) -> AsyncIterator[Gateway]:
    keys, publisher, replies = Keys(), MemoryPublisher(), MemoryReplies()
    app = create_app(
        settings(**changed),
        Adapters(publisher, replies, MemoryReceiptStore(), MemorySessionStore(), keys.load, lambda: datetime.now(UTC)),
    )
    async with served(app) as port:
        yield Gateway(f"http://127.0.0.1:{port}", keys, publisher, replies)


@asynccontextmanager
async def command(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``telltale``; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "telltale", *arguments,
        env=os.environ | environment | {"COLUMNS": "200"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def interrupted(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    """Press Ctrl-C, and give the exit code and what was said."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
