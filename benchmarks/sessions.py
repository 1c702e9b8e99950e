"""How long the session API takes: 100 posts a second of 50 events, over sessions that take turns."""

import asyncio
import statistics
import time
from collections import Counter
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np

from benchmarks.loading import HOME, until_drained
from benchmarks.measuring import Report
from tests.e2e.system import System, running_system

_ROUNDS: Final = 3
_RATE: Final = 100.0
_SECONDS: Final = 15.0
_WARM_SECONDS: Final = 5.0
_SESSIONS: Final = (
    400  # each posts every 4 s, longer than the gateway remembers that it is open: every post costs a look-up
)
_CONNECTIONS: Final = 32
_RENEW_S: Final = 0.05
_MOVES: Final = 40
_KEYS: Final = 5


def measure(report: Report) -> dict[str, Any]:
    """Measure the wait for an answer as the caller sees it, and as the answer says."""
    with running_system(HOME) as system:
        return asyncio.run(_measure(system, report))


class _Told(msgspec.Struct):
    processing_time_ms: float


_told: Final = msgspec.json.Decoder(_Told).decode


async def _measure(system: System, report: Report) -> dict[str, Any]:
    async with system.gateway() as gateway:
        sessions = [(await gateway.post("/api/sessions")).json()["session_id"] for _ in range(_SESSIONS)]
    load = _Load(system, sessions)
    await load.run(_WARM_SECONDS)
    rounds = []
    for _ in range(_ROUNDS):
        rounds.append(await load.run(_SECONDS))
        await until_drained(system)
        report(" ".join(f"{name} {value}" for name, value in rounds[-1].items()))
    return {f"sessions_{name}": round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}


class _Load:
    """Posts in turn over kept-alive connections; latency counts from the moment a post was due."""

    def __init__(self, system: System, sessions: list[str]) -> None:
        self._sessions = sessions
        self._address = urlsplit(system.addresses.gateway_url)
        self._head = (
            f"host: {self._address.netloc}\r\nauthorization: Bearer {system.addresses.demo_api_key}\r\n"
            "content-type: application/json\r\ncontent-length: "
        )
        self._made_at_s, self._body = 0.0, b""

    async def run(self, seconds: float) -> dict[str, float]:
        """Load for some seconds; give the figures."""
        due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        statuses: Counter[int] = Counter()
        waited_ms: list[float] = []
        processed_ms: list[float] = []

        async def serve() -> None:
            reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
            try:
                while True:
                    number, due_s = await due.get()
                    writer.write(self._request(number))
                    status, answer = await _answer(reader)
                    waited_ms.append((time.perf_counter() - due_s) * 1000)
                    statuses[status] += 1
                    if status == httpx.codes.OK:
                        processed_ms.append(_told(answer).processing_time_ms)
                    due.task_done()
            finally:
                writer.close()

        workers = [asyncio.create_task(serve()) for _ in range(_CONNECTIONS)]
        started_s = time.perf_counter()
        for number in range(int(seconds * _RATE)):
            due_s = started_s + number / _RATE
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            due.put_nowait((number, due_s))
        joined = asyncio.create_task(due.join())
        await asyncio.wait([joined, *workers], return_when=asyncio.FIRST_COMPLETED)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(joined, *workers, return_exceptions=True)
        assert joined.done() and not joined.cancelled(), "a connection was lost"
        waited, processed = np.percentile(waited_ms, [50, 99]), np.percentile(processed_ms, [50, 99])
        return {
            "p50_ms": float(waited[0]),
            "p99_ms": float(waited[1]),
            "processing_p50_ms": float(processed[0]),
            "processing_p99_ms": float(processed[1]),
            "answered_share": statuses[httpx.codes.OK] / sum(statuses.values()),
        }

    def _request(self, number: int) -> bytes:
        now_s = time.time()
        if now_s - self._made_at_s > _RENEW_S:  # a body for each request would cost the machine as much as the gateway
            self._made_at_s, self._body = now_s, msgspec.json.encode(_behaviour(now_s * 1000))
        body = self._body
        path = f"/api/sessions/{self._sessions[number % len(self._sessions)]}/data"
        return f"POST {path} HTTP/1.1\r\n{self._head}{len(body)}\r\n\r\n".encode() + body


def _behaviour(now_ms: float) -> dict[str, Any]:
    start = now_ms - 1_000
    moves = [
        {"type": "mousemove", "x": 10 + 7 * index, "y": 300 + index * index % 90, "timestamp": start + 16 * index}
        for index in range(_MOVES)
    ]
    keys = [
        {"type": kind, "key": "abcde"[index], "timestamp": start + 700 + 50 * index + after}
        for index in range(_KEYS)
        for kind, after in (("keydown", 0), ("keyup", 40))
    ]
    return {"events": moves + keys}


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.index(b"content-length: ") + 16
    return int(head[9:12]), await reader.readexactly(int(head[at : head.index(b"\r", at)]))
