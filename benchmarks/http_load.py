"""A cheap HTTP load: ``python -m benchmarks.http_load --url http://127.0.0.1:8080 --connections 32 --seconds 10``.

It costs 0.02 to 0.04 ms of CPU a request, so that one core drives a gateway on the other. The API key is read from
``TELLTALE_LOAD_API_KEY``. The last line is one JSON object.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
from array import array
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import click
import numpy as np
import uvloop

from benchmarks.http_bodies import Bodies, Kind, Shape

API_KEY_VARIABLE: Final = "TELLTALE_LOAD_API_KEY"
_RENEW_S: Final = 0.05
_PACE_S: Final = 0.001
_OPENING_AT_ONCE: Final = 256
_LAST_ANSWERS_S: Final = 30.0
_REOPEN_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to load a gateway.

    Parameters
    ----------
    url, api_key
        Whom, and as whom.
    shape
        What a request carries.
    connections
        Kept-alive connections, one request at a time on each.
    seconds
        How long new requests leave.
    rate
        Requests a second, or None for the next request at every answer. With a rate, latency counts from the moment
        a request was due, so that a stall is seen in every request it held up.
    wait_ms
        Ask for the verdict in the answer and wait so long; 0 does not.
    window_s
        Print the latencies of every so many seconds as a line of their own; None prints only the end.
    """

    url: str
    api_key: str
    shape: Shape
    connections: int = 32
    seconds: float = 10.0
    rate: float | None = None
    wait_ms: int = 0
    window_s: float | None = None


class Load:
    """Connections, what is due, and what came of it.

    Parameters
    ----------
    plan
        How to load.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.statuses: Counter[int] = Counter()
        self.sent = 0
        self.unanswered = 0  # the connection ended first
        self.refused_connections = 0
        self.latencies_s = array("d")
        self.over = False
        self._bodies = Bodies(plan.shape)
        self._idle: deque[Connection] = deque()
        self._due: deque[float] = deque()  # moments at which requests were due that found no connection
        self._under_way = 0
        self._finished = asyncio.Event()
        self._stopped = asyncio.Event()
        self._openers: set[asyncio.Task[None]] = set()
        address = urlsplit(plan.url)
        self._address = (address.hostname or "127.0.0.1", address.port or 80)
        query = f"?wait_ms={plan.wait_ms}" if plan.wait_ms else ""
        encoding = "content-encoding: gzip\r\n" if plan.shape.gzip else ""
        self._head = (
            f"POST /v1/events{query} HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {plan.api_key}\r\n"
            f"content-type: application/json\r\n{encoding}content-length: "
        ).encode()
        self._plain_head = b""

    async def run(self) -> dict[str, Any]:
        """Open every connection, load, wait for the last answers; give the figures."""
        self._renew()
        gate = asyncio.Semaphore(_OPENING_AT_ONCE)
        connections = await asyncio.gather(*(self._open(gate) for _ in range(self.plan.connections)))
        renewing = asyncio.create_task(self._keep_renewing())
        telling = asyncio.create_task(self._tell_windows(self.plan.window_s)) if self.plan.window_s else None
        cpu_s, started_s = time.process_time(), time.monotonic()
        ends_s = started_s + self.plan.seconds
        if self.plan.rate is None:
            for connection in connections:
                self.send(connection, time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), ends_s - time.monotonic())
        else:
            self._idle.extend(connections)
            await self._pace(self.plan.rate, ends_s)
        self.over = True
        took_s = time.monotonic() - started_s
        answered = sum(self.statuses.values())
        if self._under_way:
            try:
                async with asyncio.timeout(_LAST_ANSWERS_S):
                    await self._finished.wait()
            except TimeoutError:
                self.unanswered += self._under_way
        renewing.cancel()
        if telling is not None:
            telling.cancel()
        for connection in connections:
            connection.close()
        return self._figures(took_s, answered, time.process_time() - cpu_s)

    def stop(self) -> None:
        """Let no more requests leave; `run` then ends with the last answer."""
        self._stopped.set()

    def send(self, connection: "Connection", due_s: float) -> None:
        """Send the next request over an idle connection."""
        body = self._bodies.next()
        head = self._head + b"%d\r\n\r\n" % len(body) if self.plan.shape.gzip else self._plain_head
        self.sent += 1
        self._under_way += 1
        connection.sent_at_s = due_s
        connection.write(head + body)

    def answered(self, connection: "Connection", status: int, now_s: float) -> None:
        """Note an answer and let the next request leave."""
        self.statuses[status] += 1
        self.latencies_s.append(now_s - connection.sent_at_s)
        self._settle()
        if self.over:
            return
        if self.plan.rate is None:
            self.send(connection, now_s)
        elif self._due:
            self.send(connection, self._due.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: "Connection", unanswered: bool) -> None:
        """Note that the server ended a connection, and open it again."""
        if unanswered:
            self.unanswered += 1
            self._settle()
        if connection in self._idle:
            self._idle.remove(connection)
        if not self.over:
            task = asyncio.create_task(self._reopen(connection))
            self._openers.add(task)
            task.add_done_callback(self._openers.discard)

    def _settle(self) -> None:
        self._under_way -= 1
        if self.over and not self._under_way:
            self._finished.set()

    async def _open(self, gate: asyncio.Semaphore) -> "Connection":
        async with gate:
            while True:
                with contextlib.suppress(TimeoutError):  # a server that is busy accepting the others
                    _, connection = await asyncio.get_running_loop().create_connection(
                        lambda: Connection(self), *self._address
                    )
                    return connection

    async def _reopen(self, connection: "Connection") -> None:
        loop = asyncio.get_running_loop()
        while not self.over:
            try:
                await loop.create_connection(lambda: connection, *self._address)
            except OSError:
                self.refused_connections += 1
                await asyncio.sleep(_REOPEN_S)
            else:
                if self.plan.rate is None:
                    self.send(connection, time.monotonic())
                else:
                    self._idle.append(connection)
                return

    async def _pace(self, rate: float, ends_s: float) -> None:
        started_s, count = time.monotonic(), 0
        while (now_s := time.monotonic()) < ends_s and not self._stopped.is_set():
            while (due_s := started_s + count / rate) <= now_s:
                count += 1
                if self._idle:
                    self.send(self._idle.popleft(), due_s)
                else:
                    self._due.append(due_s)
            await asyncio.sleep(max(_PACE_S, due_s - time.monotonic()))

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            self._renew()

    async def _tell_windows(self, window_s: float) -> None:
        told = 0
        while True:
            await asyncio.sleep(window_s)
            window, told = self.latencies_s[told:], len(self.latencies_s)
            sys.stdout.write(json.dumps(_quantiles_ms(window) | {"answers": len(window)}) + "\n")
            sys.stdout.flush()

    def _renew(self) -> None:
        self._bodies.renew(datetime.now(UTC))
        self._plain_head = self._head + b"%d\r\n\r\n" % self._bodies.length

    def _figures(self, took_s: float, answered: int, cpu_s: float) -> dict[str, Any]:
        accepted = self.statuses[200] + self.statuses[202]
        return {
            "sent": self.sent,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "acknowledged_batches": accepted * self.plan.shape.batches,
            "acknowledged_events": accepted * self.plan.shape.events,
            "unanswered": self.unanswered,
            "refused_connections": self.refused_connections,
            "not_sent": len(self._due),
            "body_bytes": self._bodies.length,
            "seconds": round(took_s, 3),
            "requests_s": round(answered / took_s, 1),
            **_quantiles_ms(self.latencies_s),
            "cpu_s": round(cpu_s, 3),
            "cpu_ms_request": round(1000 * cpu_s / max(self.sent, 1), 4),
        }


def _quantiles_ms(latencies_s: "array[float]") -> dict[str, float]:
    latencies_ms = np.asarray(latencies_s) * 1000 if latencies_s else np.zeros(1)
    found = np.percentile(latencies_ms, [50, 95, 99, 100])
    names = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
    return {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: Any = None
        self._received = b""
        self._awaiting = False
        self._closing = False
        self.sent_at_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def write(self, request: bytes) -> None:
        """Send one request."""
        self._awaiting = True
        self._transport.write(request)

    def close(self) -> None:
        """End it from our side."""
        self._closing = True
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer; tell when it is whole."""
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        at = data.find(b"content-length: ", 0, end)
        if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            self._received = data
            return
        self._received = b""
        self._awaiting = False
        self._load.answered(self, int(data[9:12]), time.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end from the server's side."""
        self._received = b""
        if not self._closing:
            awaiting, self._awaiting = self._awaiting, False
            self._load.lost(self, awaiting)


def raise_file_limit() -> None:
    """Allow as many connections as the system lets this process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@click.command()
@click.option("--url", required=True, help="The gateway's address.")
@click.option("--connections", default=32, show_default=True, help="Kept-alive connections.")
@click.option("--seconds", default=10.0, show_default=True, help="How long.")
@click.option("--rate", type=float, help="Requests a second; without it the next leaves at every answer.")
@click.option("--wait-ms", default=0, show_default=True, help="Wait so long for the verdict in the answer.")
@click.option("--body", default="objects", show_default=True, type=click.Choice(get_args(Kind)))
@click.option("--samples", default=500, show_default=True, help="Length of a track.")
@click.option("--batches", default=1, show_default=True, help="Batches of a request.")
@click.option("--subjects", default=10_000, show_default=True, help="Sessions that take turns.")
@click.option("--gzip", is_flag=True, help="Compress bodies.")
@click.option("--window-s", type=float, help="Also print the latencies of every so many seconds.")
def main(
    url: str,
    connections: int,
    seconds: float,
    rate: float | None,
    wait_ms: int,
    body: Kind,
    samples: int,
    batches: int,
    subjects: int,
    gzip: bool,
    window_s: float | None,
) -> None:
    """Load a gateway and print one JSON line."""
    key = os.environ.get(API_KEY_VARIABLE)
    if not key:
        raise click.ClickException(f"set {API_KEY_VARIABLE} to an API key")
    raise_file_limit()
    shape = Shape(kind=body, samples=samples, batches=batches, subjects=subjects, gzip=gzip)
    plan = Plan(
        url=url, api_key=key, shape=shape, connections=connections, seconds=seconds, rate=rate, wait_ms=wait_ms,
        window_s=window_s,
    )  # fmt: skip

    async def run() -> dict[str, Any]:
        return await Load(plan).run()

    try:
        figures = uvloop.run(run())
    except OSError as error:
        raise click.ClickException(f"no connection to {url}: {error}") from error
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
