"""The raw limit: ``python -m benchmarks.scorer.limit``. A plain aiokafka loop with the same light judge and verdicts.

No checks of headers and keys, no states on the broker, no watermark, no dead letters, no metrics, no Redis.
"""

import asyncio

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.scorer.judges import LightJudge, LightState
from services.scorer.settings import ScorerSettings
from services.scorer.stream.ports import Admitted
from shared.cloudevents import parse_rfc3339
from shared.contracts.batch import decode_batch
from shared.topics import MAX_RECORD_BATCH_BYTES, VERDICTS, Domain, events_topic


async def _run(settings: ScorerSettings) -> None:
    judge, encode, states = LightJudge(), msgspec.json.Encoder().encode, dict[bytes, LightState]()
    consumer = AIOKafkaConsumer(
        settings.topic_prefix + events_topic(Domain.BEHAVIOR),
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=settings.topic_prefix + "limit",
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=MAX_RECORD_BATCH_BYTES,
        max_request_size=2 * MAX_RECORD_BATCH_BYTES,
    )
    async with consumer, producer:
        while True:
            for place, records in (await consumer.getmany(timeout_ms=1_000, max_records=500)).items():
                out = producer.create_batch()
                for record in records:
                    headers = dict(record.headers)
                    received_at = parse_rfc3339(headers["ce_time"])
                    item = Admitted("bench", Domain.BEHAVIOR, received_at, 0, decode_batch(record.value))
                    folded = judge.fold(states.get(record.key), item)
                    states[record.key] = folded.state
                    out.append(key=record.key, value=encode(folded.verdict), timestamp=None)
                out.close()
                await (await producer.send_batch(out, settings.topic_prefix + VERDICTS, partition=place.partition))


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(_run(ScorerSettings()))
