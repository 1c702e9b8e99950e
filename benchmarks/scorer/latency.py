"""From a batch on Kafka to its verdict on Kafka, at a steady rate."""

import asyncio
import time
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.measuring import cpu_s
from benchmarks.scorer.backlog import inputs
from benchmarks.scorer.field import REAL, Addresses, field_of
from shared.topics import DEFAULT_PARTITIONS, VERDICTS, Domain, events_topic

_A_SECOND: Final = 100
_BATCHES: Final = 1_500
_WARM: Final = 300
_SUBJECTS: Final = 300

Sent = dict[tuple[int, int], float]


async def verdict_latency(servers: Addresses, core: int) -> dict[str, float]:
    """Measure with the real rules; milliseconds."""
    async with field_of(servers) as field:
        scorer = field.start(REAL, core)
        await scorer.ready()
        heard: Sent = {}
        listening = asyncio.create_task(_listen(servers, field.prefix, heard))
        cpu = cpu_s(scorer.pid)
        sent = await _send(servers, field.prefix)
        await listening
        cpu = cpu_s(scorer.pid) - cpu
    waits_ms = sorted((heard[place] - sent_s) * 1e3 for place, sent_s in list(sent.items())[_WARM:])
    return {
        "scorer_latency_p50_ms": waits_ms[len(waits_ms) // 2],
        "scorer_latency_p99_ms": waits_ms[len(waits_ms) * 99 // 100],
        "scorer_latency_cpu_ms_batch": cpu / _BATCHES * 1e3,
    }


async def _send(servers: Addresses, prefix: str) -> Sent:
    """Write batches at the steady rate; give when each was handed over, by its place."""
    topic = prefix + events_topic(Domain.BEHAVIOR)
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka_bootstrap, acks="all", linger_ms=0) as producer:
        started_s, handed = time.perf_counter(), []
        for number, one in enumerate(inputs(_BATCHES, _SUBJECTS)):
            await asyncio.sleep(max(0.0, started_s + number / _A_SECOND - time.perf_counter()))
            now_s = time.perf_counter()
            handed.append((now_s, await producer.send(topic, one.value, key=one.key, headers=one.headers)))
        return {(done.partition, done.offset): now_s for now_s, future in handed for done in [await future]}


async def _listen(servers: Addresses, prefix: str, heard: Sent) -> None:
    """Note when each verdict came, by the place of its batch."""
    places = [TopicPartition(prefix + VERDICTS, number) for number in range(DEFAULT_PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=servers.kafka_bootstrap) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        while len(heard) < _BATCHES:
            for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
                now_s = time.perf_counter()
                for record in records:
                    heard[place.partition, int(dict(record.headers)["ce_sourceoffset"])] = now_s
