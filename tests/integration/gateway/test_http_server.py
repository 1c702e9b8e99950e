"""The gateway behind its real HTTP server, spoken to over bare sockets by clients that misbehave."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from services.gateway.app import Adapters, GatewayApp, create_app
from services.gateway.memory import MemoryPublisher, MemoryReceiptStore, MemoryReplies, MemorySessionStore
from shared.http_protocol import MAX_REQUESTS_AHEAD
from tests.integration.gateway.kit import until
from tests.unit.gateway.kit import NOW, Keys, batch, served, settings

GOOD = json.dumps(batch()).encode()


@dataclass
class Wire:
    """A served gateway over in-memory adapters."""

    port: int
    app: GatewayApp
    publisher: MemoryPublisher
    key: str

    def head(self, *lines: str) -> bytes:
        basic = ["POST /v1/events HTTP/1.1", "host: gateway", f"authorization: Bearer {self.key}",
                 "content-type: application/json"]  # fmt: skip
        return "\r\n".join([*basic, *lines, "", ""]).encode()

    async def say(self, parts: Iterable[bytes], pause_s: float = 0.0) -> tuple[int, dict[str, Any], bool]:
        """Send parts; give status, document and whether the server then closed the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        sending = asyncio.create_task(send(writer, parts, pause_s))
        try:
            async with asyncio.timeout(10):
                status, document = await read_answer(reader)
                sending.cancel()  # as a good client does that has its answer
                return status, document, await closes(reader, 0.2 if status < 300 else 2.0)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            writer.close()


async def send(writer: asyncio.StreamWriter, parts: Iterable[bytes], pause_s: float) -> None:
    with contextlib.suppress(ConnectionError):  # the answer may be there all the same
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split(" ")[1]), json.loads(await reader.readexactly(length))


async def closes(reader: asyncio.StreamReader, within_s: float = 2.0) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@asynccontextmanager
async def wire(max_connections: int | None = None, **changed: Any) -> AsyncIterator[Wire]:
    limits = settings(**changed)
    keys, publisher = Keys(), MemoryPublisher()
    app = create_app(
        limits, Adapters(publisher, MemoryReplies(), MemoryReceiptStore(), MemorySessionStore(), keys.load, lambda: NOW)
    )
    async with served(app, limits, max_connections) as port:
        await until(lambda: app.keys.loaded)
        yield Wire(port, app, publisher, keys.text)


def chunked(data: bytes, size: int = 10_000) -> list[bytes]:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


async def test_good_requests_keep_the_connection() -> None:
    async with wire() as w:
        plain = await w.say([w.head(f"content-length: {len(GOOD)}"), GOOD])
        assert (plain[0], plain[2]) == (202, False)
        assert (await w.say([w.head("transfer-encoding: chunked"), *chunked(GOOD, 50)]))[0] == 202
        packed = gzip.compress(GOOD)
        head = w.head(f"content-length: {len(packed)}", "content-encoding: gzip")
        assert (await w.say([head, packed[:30], packed[30:]], pause_s=0.02))[0] == 202
        assert [record.value for record in w.publisher.records] == [GOOD] * 3


@pytest.mark.parametrize("size", [3_000_000, 1_000_000_000_000])
async def test_an_announced_body_too_large_is_refused_unread(size: int) -> None:
    async with wire() as w:
        status, document, closed = await w.say([w.head(f"content-length: {size}"), b"x"])
        assert (status, document["code"], closed) == (413, "body_too_large", True)


async def test_a_body_that_grows_too_large_is_refused_and_the_answer_arrives() -> None:
    async with wire() as w:
        status, document, closed = await w.say(
            [w.head("transfer-encoding: chunked"), *chunked(b" " * 6_000_000, 60_000)]
        )
        assert (status, document["code"], closed) == (413, "body_too_large", True)
        assert w.app.ingest.receiving.held == 0


async def test_a_body_sent_whole_though_too_large_gets_its_answer() -> None:
    async with wire() as w, httpx.AsyncClient() as client:
        headers = {"authorization": f"Bearer {w.key}", "content-type": "application/json"}
        url = f"http://127.0.0.1:{w.port}/v1/events"
        answer = await client.post(url, content=b" " * 4_000_000, headers=headers)
        assert answer.status_code == 413


async def test_a_body_without_a_key_is_refused_unread() -> None:
    async with wire() as w:
        head = (
            b"POST /v1/events HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n"
        )
        status, _, _ = await w.say([head, b"x"])
        assert status == 401


async def test_a_slow_body_is_408_and_frees_what_it_held() -> None:
    async with wire(body_timeout_s=0.3) as w:
        parts = [w.head(f"content-length: {len(GOOD)}"), *(GOOD[i : i + 1] for i in range(len(GOOD)))]
        status, document, closed = await w.say(parts, pause_s=0.02)
        assert (status, document["code"], closed) == (408, "body_timeout", True)
        assert w.app.ingest.receiving.held == 0
        assert w.publisher.records == []


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST /v1/events HTTP/1.1\r\n" + b"x-a: " + b"a" * 20_000 + b"\r\n\r\n"],
        [b"POST /v1/events HTTP/1.1\r\n", *[b"x-%d: y\r\n" % index for index in range(5_000)]],
        [b"POST /v1/events HTTP/1.1\r\nx-a: ", *[b"a" * 1_000 for _ in range(100)]],
        [b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n"],
        [b"GET /", *[b"a" * 1_000 for _ in range(100)]],
    ],
    ids=["one long", "many", "endless", "long path", "endless path"],
)
async def test_headers_too_large_are_431(parts: list[bytes]) -> None:
    async with wire() as w:
        status, document, closed = await w.say(parts)
        assert (status, document["code"], closed) == (431, "headers_too_large", True)


@pytest.mark.parametrize(
    "text",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"HELLO\r\n\r\n", b"POST /v1/events HTTP/1.1\r\nno colon\r\n\r\n",
     b"POST /v1/events HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
     b"POST /v1/events HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
     b"POST /v1/events HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ids=["TLS", "no HTTP", "no colon", "negative length", "two framings", "two lengths"],
)  # fmt: skip
async def test_what_is_no_http_is_400(text: bytes) -> None:
    async with wire() as w:
        status, document, closed = await w.say([text])
        assert (status, document["code"], closed) == (400, "bad_request", True)


@pytest.mark.parametrize("start", [b"", b"POST /v1/events HTTP/1.1\r\nhost: g\r\nx-a"])
async def test_slow_headers_are_408(start: bytes) -> None:
    async with wire(header_timeout_s=0.3) as w:
        status, document, closed = await w.say([start])
        assert (status, document["code"], closed) == (408, "headers_timeout", True)


async def test_slow_headers_after_a_good_request_are_408() -> None:
    async with wire(header_timeout_s=0.3) as w:
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD)
        assert (await read_answer(reader))[0] == 202
        await asyncio.sleep(0.5)  # idle between requests is allowed longer
        writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD)
        assert (await read_answer(reader))[0] == 202
        writer.write(b"POST /v1/ev")
        assert (await read_answer(reader))[0] == 408
        assert await closes(reader)
        writer.close()


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with wire() as w:
        bodies = [json.dumps(batch()).encode() for _ in range(5)]
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(b"".join(w.head(f"content-length: {len(body)}") + body for body in bodies))
        answers = [await read_answer(reader) for _ in bodies]
        ids = [document["receipts"][0]["batch_id"] for _, document in answers]
        assert ids == [json.loads(body)["batch_id"] for body in bodies]
        writer.close()


@pytest.mark.parametrize(
    "rest",
    [[b"0\r\n", b"a:b\r\n" * 20_000], [b"0\r\nx-a: ", *[b"a" * 1_000] * 100], [b"1;x=", *[b"a" * 1_000] * 100]],
    ids=["many trailers", "an endless trailer", "an endless chunk extension"],
)
@pytest.mark.parametrize("path", ["/healthz", "/v1/events"])
async def test_what_follows_a_body_without_end_ends_the_connection(path: str, rest: list[bytes]) -> None:
    async with wire() as w:
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(w.head("transfer-encoding: chunked").replace(b"POST /v1/events", b"POST " + path.encode()))
        sending = asyncio.create_task(send(writer, rest, 0.0))
        await read_answer(reader)
        assert await closes(reader)
        sending.cancel()
        await asyncio.wait([sending])
        writer.close()
        assert w.publisher.records == []


async def test_a_trailer_is_no_header() -> None:
    async with wire() as w:
        head = w.head("transfer-encoding: chunked").replace(b"authorization", b"x-other")
        ending = b"0\r\nauthorization: Bearer " + w.key.encode() + b"\r\n\r\n"
        assert (await w.say([head, *chunked(GOOD)[:-1], ending]))[0] == 401
        good = await w.say([w.head("transfer-encoding: chunked"), *chunked(GOOD)[:-1], b"0\r\nx-sum: 1\r\n\r\n"])
        assert (good[0], good[2]) == (202, False)


async def test_a_body_that_nobody_waits_for_must_end() -> None:
    async with wire(header_timeout_s=0.3) as w:
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: g\r\ncontent-length: 1000\r\n\r\n")
        assert (await read_answer(reader))[0] == 200
        sending = asyncio.create_task(send(writer, [b"x"] * 100, 0.05))
        assert await closes(reader)
        sending.cancel()
        await asyncio.wait([sending])
        writer.close()


async def test_a_flood_of_requests_ahead_of_their_answers_ends_the_connection() -> None:
    async with wire() as w:
        w.publisher.flowing.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        flood = b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n" * (MAX_REQUESTS_AHEAD + 1)
        writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD + flood)
        assert await closes(reader)
        w.publisher.flowing.set()
        writer.close()


async def test_a_client_that_leaves_within_its_body_frees_what_it_held() -> None:
    async with wire() as w:
        _, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(w.head("content-length: 500000") + b" " * 200_000)
        await writer.drain()
        await until(lambda: w.app.ingest.receiving.held > 0)
        writer.close()
        await until(lambda: w.app.ingest.receiving.held == 0)
        assert w.publisher.records == []
        assert (await w.say([w.head(f"content-length: {len(GOOD)}"), GOOD]))[0] == 202


async def test_a_client_that_leaves_before_its_answer_harms_nobody() -> None:
    async with wire() as w:
        w.publisher.flowing.clear()
        _, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD)
        await until(lambda: w.publisher.in_flight.batches == 1)
        writer.close()
        w.publisher.flowing.set()
        await until(lambda: w.publisher.in_flight.batches == 0)
        assert len(w.publisher.records) == 1


def refused_connections() -> float:
    return REGISTRY.get_sample_value("telltale_gateway_refused_connections_total") or 0.0


async def test_one_connection_too_many_is_told_so_and_the_others_go_on() -> None:
    async with wire(max_connections=2) as w:
        before = refused_connections()
        ends = [await asyncio.open_connection("127.0.0.1", w.port) for _ in range(3)]
        status, document = await read_answer(ends[2][0])
        assert (status, document["code"]) == (503, "too_many_connections")
        assert await closes(ends[2][0])
        assert refused_connections() == before + 1
        for reader, writer in ends[:2]:
            writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD)
            assert (await read_answer(reader))[0] == 202
        ends[0][1].close()
        await ends[0][1].wait_closed()
        async with asyncio.timeout(5):  # the place is free once the server has noticed
            while (await w.say([w.head(f"content-length: {len(GOOD)}"), GOOD]))[0] != 202:
                pass
        for _, writer in ends[1:]:
            writer.close()


async def test_shutdown_answers_what_is_in_flight() -> None:
    async with wire() as w:
        w.publisher.flowing.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", w.port)
        writer.write(w.head(f"content-length: {len(GOOD)}") + GOOD)
        await until(lambda: w.publisher.in_flight.batches == 1)
        asyncio.get_running_loop().call_later(0.3, w.publisher.flowing.set)
    assert (await read_answer(reader))[0] == 202
    assert await closes(reader)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", w.port)
    writer.close()


async def test_answers_say_little_about_the_server() -> None:
    async with wire() as w, httpx.AsyncClient(base_url=f"http://127.0.0.1:{w.port}") as client:
        headers = {"authorization": f"Bearer {w.key}", "content-type": "application/json"}
        answer = await client.post("/v1/events", content=GOOD, headers=headers)
        assert set(answer.headers) == {"date", "content-type", "content-length"}
