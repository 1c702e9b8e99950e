"""A TCP proxy in front of a server, so that a test can take it away or slow it down without doing so for others."""

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Forwards until told to freeze, to be slow or to go away.

    A Kafka broker tells its clients its own address; ``rewrite`` puts the proxy's in its place.
    """

    def __init__(self, host: str, port: int, *, rewrite: bool = False) -> None:
        self._target = (host, port)
        self._rewrite = rewrite
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay_s = 0.0
        self._bytes_per_s = math.inf
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse connections and close those there are, as when the server's process ends."""
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def freeze(self) -> None:
        """Keep connections and pass on nothing, as when the server hangs."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def slow_down(self, delay_s: float, bytes_per_s: float) -> None:
        """Hold each piece for a while, and pass on no more than so much a second in each direction of a connection."""
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    def speed_up(self) -> None:
        self.slow_down(0.0, math.inf)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, upstream_writer, rewrite=False))
                group.create_task(self._pump(upstream_reader, writer, rewrite=self._rewrite))
        except (asyncio.CancelledError, ExceptionGroup):
            pass
        finally:
            for end in (writer, upstream_writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, rewrite: bool) -> None:
        host = self._target[0].encode()
        theirs, ours = host + struct.pack(">i", self._target[1]), host + struct.pack(">i", self.port)
        while data := await reader.read(65_536):
            await self._flowing.wait()
            if held_s := self._delay_s + len(data) / self._bytes_per_s:
                await asyncio.sleep(held_s)
            writer.write(data.replace(theirs, ours) if rewrite else data)
            await writer.drain()
        raise ConnectionResetError


@asynccontextmanager
async def proxied(address: str, *, rewrite: bool = False) -> AsyncIterator[Proxy]:
    """Open a proxy to ``host:port``."""
    host, _, port = address.rpartition(":")
    proxy = Proxy(host, int(port), rewrite=rewrite)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.thaw()
        await proxy.cut()
