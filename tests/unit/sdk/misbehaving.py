"""A small HTTP server on a real socket that keeps the gateway's contract, or breaks it when told to."""

import asyncio
import gzip
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import h11

Fault = Literal["reset before reading", "reset after storing", "cut the answer", "hang", "hang after storing"]


@dataclass
class Answer:
    """An answer other than the usual one; ``store`` keeps the batches all the same."""

    status: int
    body: dict[str, Any] | bytes = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    store: bool = False


@dataclass
class Seen:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    batches: list[dict[str, Any]]
    size_bytes: int


class Gateway:
    """What the server has seen and stored, and what it shall do wrong next."""

    def __init__(self) -> None:
        self.script: deque[Answer | Fault] = deque()
        self.always: Answer | Fault | None = None
        self.requests: list[Seen] = []
        self.stored: dict[str, dict[str, Any]] = {}
        self.max_body_bytes = 1_000_000
        self.under_way: dict[str, int] = {}
        self.most_under_way = 0
        self.overlaps: list[str] = []
        self.names_bad_items = True
        self.held = asyncio.Event()  # set: nobody is held up
        self.held.set()
        self._arrival = asyncio.Condition()
        self.url = ""
        self.documents: dict[str, dict[str, Any]] = {}
        self.answer_with: Callable[[dict[str, Any]], dict[str, Any]] = _receipt_of

    def stored_events(self, subject_id: str) -> list[dict[str, Any]]:
        """Give a subject's events in the order they were stored."""
        return [
            event
            for batch in self.stored.values()
            if batch["subject"]["id"] == subject_id
            for event in batch.get("events", [])
        ]

    async def seen(self, count: int) -> None:
        """Wait until so many requests came."""
        async with asyncio.timeout(5), self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)

    async def note(self, seen: Seen) -> None:
        async with self._arrival:
            self.requests.append(seen)
            self._arrival.notify_all()

    @property
    def posts(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.method == "POST"]

    def usual(self, seen: Seen, size: int) -> Answer:
        """Answer as the gateway does."""
        if seen.headers.get("authorization") != "Bearer tt_good_key":
            return Answer(401, {"code": "unauthenticated", "status": 401, "title": "No valid API key"})
        if seen.target in self.documents:
            return Answer(200, self.documents[seen.target])
        if seen.method == "GET":
            return self._stored_receipt(seen.target)
        if size > self.max_body_bytes:
            return Answer(413, {"code": "body_too_large", "status": 413})
        errors = _errors(seen.batches)
        if errors:
            return Answer(
                422,
                {"code": "invalid_batch", "status": 422, "errors": errors if self.names_bad_items else []},
            )
        return Answer(202, {"receipts": [self.answer_with(batch) for batch in seen.batches]}, store=True)

    def store(self, batches: list[dict[str, Any]]) -> None:
        if _errors(batches):
            return  # not even a gateway that fails takes what breaks the contract
        for batch in batches:
            self.stored.setdefault(batch["batch_id"], batch)

    def _stored_receipt(self, target: str) -> Answer:
        batch = self.stored.get(target.removeprefix("/v1/batches/"))
        if batch is None:
            return Answer(404, {"code": "not_found", "status": 404, "detail": "No such batch."})
        return Answer(200, _receipt_of(batch))


def _receipt_of(batch: dict[str, Any]) -> dict[str, Any]:
    return {"batch_id": batch["batch_id"], "status": "accepted", "events": len(batch.get("events", []))}


def _errors(batches: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Name the first bad item of each batch, as a decoder that stops there does."""
    errors = []
    for number, batch in enumerate(batches):
        prefix = f"/{number}" if len(batches) > 1 else ""
        for kind in ("events", "tracks"):
            bad = [index for index, item in enumerate(batch.get(kind, [])) if item["type"] == "bad"]
            if bad:
                errors.append({"pointer": f"{prefix}/{kind}/{bad[0]}/type", "code": "invalid_value", "detail": "no"})
                break
    return errors


@asynccontextmanager
async def misbehaving_gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _serve(gateway, reader, writer)
        except (ConnectionError, asyncio.CancelledError, h11.RemoteProtocolError):
            pass
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    gateway.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gateway
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _serve(gateway: Gateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h11.Connection(h11.SERVER)
    while True:
        request, body = await _read(connection, reader)
        if request is None:
            return
        plain = gzip.decompress(body) if dict(request.headers).get(b"content-encoding") == b"gzip" else body
        document = json.loads(plain) if plain else []
        seen = Seen(
            request.method.decode(),
            request.target.decode(),
            {name.decode(): value.decode() for name, value in request.headers},
            document if isinstance(document, list) else [document],
            len(body),
        )
        await gateway.note(seen)
        subjects = [batch["subject"]["id"] for batch in seen.batches if "subject" in batch]
        _enter(gateway, subjects)
        await gateway.held.wait()
        step = gateway.script.popleft() if gateway.script else gateway.always
        for subject in subjects:
            gateway.under_way[subject] -= 1
        if isinstance(step, str):
            if not await _misbehave(gateway, step, seen, writer):
                return
        answer = step if isinstance(step, Answer) else gateway.usual(seen, len(plain))
        if answer.store:
            gateway.store(seen.batches)
        await _answer(connection, writer, answer)
        connection.start_next_cycle()


def _enter(gateway: Gateway, subjects: list[str]) -> None:
    for subject in subjects:
        gateway.under_way[subject] = gateway.under_way.get(subject, 0) + 1
        if gateway.under_way[subject] > 1:
            gateway.overlaps.append(subject)
    gateway.most_under_way = max(gateway.most_under_way, sum(1 for count in gateway.under_way.values() if count))


async def _misbehave(gateway: Gateway, fault: Fault, seen: Seen, writer: asyncio.StreamWriter) -> bool:
    if "storing" in fault or fault == "cut the answer":
        gateway.store(seen.batches)
    if "hang" in fault:
        await asyncio.Event().wait()
    if fault == "cut the answer":
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 500\r\n\r\n{")
        await writer.drain()
    writer.transport.abort()
    return False


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request | None, bytes]:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return request, body
        else:
            return None, b""


async def _answer(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer) -> None:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **answer.headers}
    response = h11.Response(status_code=answer.status, headers=list(headers.items()))
    for event in (response, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
