"""One load in a process of its own: ``python -m benchmarks.sdk.load KIND --url URL --seconds S``.

The last line is one JSON object: events delivered, seconds they took until the last was answered, and CPU used.
"""

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import click
import httpx
import msgspec

import telltale

SUBJECTS: Final = 64
TRACK_SAMPLES: Final = 100
BATCH_EVENTS: Final = 1_000
_STEP_MS: Final = 8.0
_AT_A_TIME: Final = 200
_MOST_BUFFERED: Final = 150_000  # of the 200,000 that fit
_PAUSE_S: Final = 0.001
_KEY: Final = "tt_bench"
_GZIP_LEVEL: Final = 3
_START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Done(NamedTuple):
    """Events that were answered, and what they took from the first on, connections and imports made before."""

    events: int
    took_s: float
    cpu_s: float


class _Watch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._started_s, self._used_s = time.perf_counter(), time.process_time()

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._started_s

    def done(self, events: int) -> Done:
        return Done(events, self.elapsed_s, time.process_time() - self._used_s)


def event(number: int) -> dict[str, Any]:
    """Give a pointer's move, as a caller would: without its time, which the client adds."""
    return {"type": "pointer.move", "x": 400 + number % 300, "y": 300 + number % 200, "pointer": "mouse"}


def track(number: int) -> dict[str, Any]:
    """Give a pointer's path."""
    samples = range(TRACK_SAMPLES)
    return {
        "type": "pointer.move",
        "started_at": _START + timedelta(milliseconds=number * TRACK_SAMPLES * _STEP_MS),
        "t": [_STEP_MS * sample for sample in samples],
        "x": [400.0 + (number + sample) % 300 for sample in samples],
        "y": [300.0 + (number + sample) % 200 for sample in samples],
    }


async def _through_async(url: str, seconds: float, tracks: bool) -> Done:
    room = asyncio.Event()
    async with telltale.AsyncClient(url, _KEY, on_receipt=lambda _: room.set()) as client:
        adds, items = _adds(client, tracks), _items(tracks)
        adds[0](items[0])
        await client.flush()
        before, watch = client.stats().delivered, _Watch()
        while watch.elapsed_s < seconds:
            for add in adds:
                for item in items:
                    add(item)
            await asyncio.sleep(0)
            while client.stats().buffered > _MOST_BUFFERED:
                room.clear()
                await room.wait()
        await client.flush()
        return watch.done(_delivered(client.stats()) - before)


def _through_sync(url: str, seconds: float, tracks: bool) -> Done:
    with telltale.Client(url, _KEY) as client:
        adds, items = _adds(client, tracks), _items(tracks)
        adds[0](items[0])
        client.flush()
        before, watch = client.stats().delivered, _Watch()
        while watch.elapsed_s < seconds:
            for add in adds:
                for item in items:
                    add(item)
            while client.stats().buffered > _MOST_BUFFERED:
                time.sleep(_PAUSE_S)  # nothing wakes a thread when there is room again
        client.flush()
        return watch.done(_delivered(client.stats()) - before)


def _adds(client: telltale.AsyncClient | telltale.Client, tracks: bool) -> list[Callable[[dict[str, Any]], bool]]:
    subjects = [client.subject("session", f"s-{number}") for number in range(SUBJECTS)]
    return [subject.add_track if tracks else subject.add for subject in subjects]


def _items(tracks: bool) -> list[dict[str, Any]]:
    if tracks:
        return [track(number) for number in range(_AT_A_TIME // TRACK_SAMPLES)]
    return [event(number) for number in range(_AT_A_TIME)]


def _delivered(stats: telltale.Stats) -> int:
    if stats.dropped or stats.unknown or stats.refused or stats.buffered:
        raise RuntimeError(f"not everything was delivered: {stats}")
    return stats.delivered


async def _through_httpx(url: str, seconds: float, tracks: bool) -> Done:
    """Post one ready-made body again and again, as many at once as the client does."""
    body, events = _body(tracks)
    headers = {"authorization": f"Bearer {_KEY}", "content-type": "application/json", "content-encoding": "gzip"}
    at_once = telltale.Limits().max_requests
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    sent = 0
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits) as client:
        (await client.post("/v1/events", content=body)).raise_for_status()
        watch = _Watch()

        async def post_on() -> None:
            nonlocal sent
            while watch.elapsed_s < seconds:
                (await client.post("/v1/events", content=body)).raise_for_status()
                sent += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(post_on())
        return watch.done(sent * events)


def _body(tracks: bool) -> tuple[bytes, int]:
    """Give a request as full as the client's, compressed as it does, and its events."""
    batch = _batch(tracks)
    batches = min(telltale.Limits().max_request_bytes // (len(batch) + 1), telltale.Limits().max_request_batches)
    return gzip.compress(b"[" + b",".join([batch] * batches) + b"]", _GZIP_LEVEL), batches * BATCH_EVENTS


def _batch(tracks: bool) -> bytes:
    head = {"batch_id": "01936f2e-0000-7000-8000-000000000001", "domain": "behavior"}
    head |= {"subject": {"type": "session", "id": "s-1"}, "sent_at": _START}  # type: ignore[dict-item]
    if tracks:
        return msgspec.json.encode(head | {"tracks": [track(n) for n in range(BATCH_EVENTS // TRACK_SAMPLES)]})
    return msgspec.json.encode(head | {"events": [event(n) | {"occurred_at": _START} for n in range(BATCH_EVENTS)]})


KINDS: Final[dict[str, Callable[[str, float, bool], Done | Coroutine[Any, Any, Done]]]] = {
    "async": _through_async,
    "sync": _through_sync,
    "limit": _through_httpx,
}


def run(kind: str, url: str, seconds: float, tracks: bool) -> Done:
    """Send for so many seconds."""
    done = KINDS[kind](url, seconds, tracks)
    return done if isinstance(done, Done) else asyncio.run(done)


@click.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.option("--tracks", is_flag=True, help="Tracks of 100 samples instead of single events.")
@click.option("--url", required=True)
@click.option("--seconds", type=float, required=True)
def main(kind: str, tracks: bool, url: str, seconds: float) -> None:
    """Send for so many seconds and tell what came of it."""
    sys.stdout.write(json.dumps(run(kind, url, seconds, tracks)._asdict()) + "\n")


if __name__ == "__main__":
    main()
