"""Batches as a gateway writes them, made fast and written to Kafka beforehand."""

import asyncio
import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgspec
from aiokafka import AIOKafkaProducer

from shared.cloudevents import BatchHeaders, Headers, batch_headers
from shared.topics import Domain, events_topic, partition_key

TENANT: Final = "bench"
EVENTS: Final = 50
_TRACK_SAMPLES: Final = 500
_PATHS: Final = 64
_RECORDS_A_WRITE: Final = 100
_MARK: Final = str(uuid.UUID(int=0)).encode()
_TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Input(NamedTuple):
    """What a gateway hands to Kafka."""

    key: bytes
    value: bytes
    headers: Headers


def inputs(count: int, subjects: int, *, events: int = EVENTS, tracks: bool = False) -> Iterator[Input]:
    """Make batches, subject by subject in turn, of pointer moves or of one track of 500 samples.

    Times move on with each subject's batches, so that a path goes on from batch to batch.
    """
    received_at = datetime.now(UTC)
    start = received_at - timedelta(minutes=5)
    dice = random.Random(7)
    steps = [[(dice.gauss(4, 6), dice.gauss(2, 5)) for _ in range(_TRACK_SAMPLES)] for _ in range(_PATHS)]
    bodies: dict[tuple[int, int], bytes] = {}
    for number in range(count):
        subject, turn = f"s{number % subjects}", number // subjects
        shape = (number % _PATHS, turn % _PATHS)
        if shape not in bodies:
            bodies[shape] = _body(
                steps[shape[0]][: _TRACK_SAMPLES if tracks else events],
                start + timedelta(seconds=8.5 * shape[1]),
                tracks,
            )
        batch_id = uuid.uuid4()
        value = bodies[shape].replace(_MARK, str(batch_id).encode(), 1).replace(b'"@"', b'"%s"' % subject.encode(), 1)
        stamp = BatchHeaders(
            batch_id, TENANT, Domain.BEHAVIOR, f"session/{subject}", received_at,
            _TRACK_SAMPLES if tracks else events, 0, _TRACE,
        )  # fmt: skip
        yield Input(partition_key(TENANT, "session", subject), value, batch_headers(stamp))


async def write(bootstrap: str, prefix: str, source: Iterable[Input], partitions: int) -> None:
    """Write inputs, a record batch of many at a time."""
    topic = prefix + events_topic(Domain.BEHAVIOR)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=4 << 20) as producer:
        builders: dict[int, Any] = {}
        sent: list[asyncio.Future[Any]] = []
        for one in source:
            partition = crc32(one.key) % partitions
            builder = builders.setdefault(partition, producer.create_batch())
            builder.append(key=one.key, value=one.value, timestamp=None, headers=one.headers)
            if builder.record_count() >= _RECORDS_A_WRITE:
                sent.append(await _send(producer, builders.pop(partition), topic, partition))
        for partition, builder in builders.items():
            sent.append(await _send(producer, builder, topic, partition))
        await asyncio.gather(*sent)


async def _send(producer: AIOKafkaProducer, builder: Any, topic: str, partition: int) -> "asyncio.Future[Any]":
    builder.close()
    sent: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
    return sent


def _body(steps: list[tuple[float, float]], start: datetime, tracks: bool) -> bytes:
    x, y, place = 300.0, 300.0, []
    for dx, dy in steps:
        x, y = (x + dx) % 1_600, (y + dy) % 900
        place.append((round(x, 2), round(y, 2)))
    content: dict[str, Any]
    if tracks:
        columns = {"t": [17 * i for i in range(len(place))], "x": [p[0] for p in place], "y": [p[1] for p in place]}
        track = {"type": "pointer.move", "started_at": start, "pointer": "mouse", "trusted": True}
        content = {"events": [], "tracks": [track | columns]}
    else:
        content = {
            "events": [
                {
                    "type": "pointer.move",
                    "occurred_at": start + timedelta(milliseconds=17 * i),
                    "x": place[i][0],
                    "y": place[i][1],
                    "trusted": True,
                    "pointer": "mouse",
                }
                for i in range(len(place))
            ]
        }
    subject = {"type": "session", "id": "@"}
    return msgspec.json.encode({"batch_id": _MARK.decode(), "domain": "behavior", "subject": subject} | content)
