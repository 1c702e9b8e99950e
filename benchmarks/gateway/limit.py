"""The raw limit: a bare ASGI route that decodes the same body and hands it to Kafka as one record batch a partition.

No keys, limits, stamps, books, metrics or health: what any gateway of this make spends at least.
"""

import asyncio
import os
from typing import Any, Final
from uuid import UUID

import msgspec
import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

_MAX_BATCH_BYTES: Final = 2_097_152
_BACKLOG: Final = 2_048


class _Subject(msgspec.Struct):
    type: str
    id: str


class _Track(msgspec.Struct):
    type: str
    started_at: str
    t: list[float]
    x: list[float] = []
    y: list[float] = []


class _Event(msgspec.Struct):
    type: str
    occurred_at: str
    x: float = 0.0
    y: float = 0.0


class _Batch(msgspec.Struct):
    batch_id: UUID
    subject: _Subject
    events: list[_Event] = []
    tracks: list[_Track] = []


_decode: Final = msgspec.json.Decoder(_Batch).decode


class _Outbox:
    """At most one record batch in flight for a partition; what arrives meanwhile forms the next one."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer, self._topic, self._partition = producer, topic, partition
        self._pending: list[tuple[bytes, bytes, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, key: bytes, value: bytes) -> "asyncio.Future[None]":
        acknowledged = asyncio.get_running_loop().create_future()
        self._pending.append((key, value, acknowledged))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return acknowledged

    async def _drain(self) -> None:
        while self._pending:
            batch, pending, self._pending = self._producer.create_batch(), self._pending, []
            for key, value, _ in pending:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    raise OverflowError("more is in flight than one record batch holds: use fewer connections")
            batch.close()
            await (await self._producer.send_batch(batch, self._topic, partition=self._partition))
            for _, _, acknowledged in pending:
                acknowledged.set_result(None)
        self._task = None


class App:
    """The bare ASGI application."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._outboxes: list[_Outbox] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 202 once the broker has the body."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == "/readyz":
            await self._respond(send, 200)
        else:
            message = await receive()
            body = message["body"]
            while message.get("more_body"):
                message = await receive()
                body += message["body"]
            key = _decode(body).subject.id.encode()
            outbox = self._outboxes[(murmur2(key) & 0x7FFFFFFF) % len(self._outboxes)]
            await outbox.put(key, body)
            await self._respond(send, 202)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=_MAX_BATCH_BYTES,
        )
        await producer.start()
        partitions = await producer.partitions_for(self._topic)
        self._outboxes = [_Outbox(producer, self._topic, partition) for partition in partitions]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await producer.stop()
        await send({"type": "lifespan.shutdown.complete"})

    @staticmethod
    async def _respond(send: Any, status: int) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve; told where by the environment, as the gateway is."""
    app = App(os.environ["TELLTALE_KAFKA_BOOTSTRAP"], os.environ["TELLTALE_TOPIC_PREFIX"] + "events.behavior.v1")
    port = int(os.environ["TELLTALE_HTTP_PORT"])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, http="httptools", ws="none", log_config=None, access_log=False,
        server_header=False, date_header=False, backlog=_BACKLOG,
    )  # fmt: skip
    uvloop.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
