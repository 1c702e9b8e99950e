"""Batches in, verdicts, states, dead letters and replies out, on real Kafka and Redis."""

import asyncio

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from services.scorer.stream.watermark import WATERMARK_KEY, Watermark, encode_watermark
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.redis_keys import batch_verdict, latest_verdict
from shared.topics import DEAD_LETTERS, VERDICTS
from tests.integration.gateway.proxy import proxied
from tests.integration.scorer.harness import EVENTS, GROUP, STATES, Field, doubled, until
from tests.unit.scorer.stream.inputs import TENANT, Input, batch_id, behavior


async def test_every_batch_gets_one_verdict_beside_its_source(field: Field) -> None:
    await field.start()
    await field.produce(behavior(number, f"s{number % 20}") for number in range(300))
    await until(lambda: field.has(VERDICTS, 300))
    verdicts = await field.verdicts()
    assert len(verdicts) == 300 and doubled(verdicts) == 0
    await until(field.all_committed)
    sources = {(record.partition, record.offset) for record in await field.records(EVENTS)}
    records = await field.records(VERDICTS)
    assert {(record.partition, int(dict(record.headers)["ce_sourceoffset"])) for record in records} == sources
    assert await field.states() == await field.replayed_states()


async def test_a_duplicate_is_folded_once_and_a_waiting_caller_hears_its_verdict_again(field: Field) -> None:
    await field.start()
    async with Redis.from_url(field.servers.redis_url) as redis, redis.pubsub() as listener:
        await listener.subscribe("telltale:replies:test")
        await listener.get_message(timeout=5)
        # The first ever may be passed over: the scorer connects to Redis with it, and waits for that only for a moment.
        await field.produce([behavior(2, "other", reply_to="telltale:replies:other")])
        await until(field.all_committed)
        for _ in range(2):
            await field.produce([behavior(1, reply_to="telltale:replies:test")])
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=10)
            reply = msgspec.json.decode(message["data"])
            assert reply["batch_id"] == reply["verdict"]["batch_id"] == str(batch_id(1))
        assert await redis.get(latest_verdict(TENANT, "session", "s1")) is not None
        assert await redis.get(batch_verdict(TENANT, batch_id(1))) is not None
    assert await field.count(VERDICTS) == 2
    assert [state.count for state in (await field.states()).values()] == [1, 1]


async def test_what_cannot_be_scored_becomes_one_dead_letter_and_its_neighbours_a_verdict(field: Field) -> None:
    await field.start()
    good = behavior(1)
    bad = [
        Input(good.key, b"{", behavior(2).headers),
        Input(good.key, good.value, []),
        Input(b"acme:session/other", good.value, good.headers),
        Input(good.key, msgspec.json.encode({"domain": "behavior"}), good.headers),
    ]
    await field.produce([behavior(10), *bad, behavior(11)])
    await until(lambda: field.has(VERDICTS, 2))
    await until(lambda: field.has(DEAD_LETTERS, 4))
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in await field.records(DEAD_LETTERS)]
    assert sorted(letter.reason for letter in letters) == sorted(
        [
            DeadLetterReason.UNDECODABLE,
            DeadLetterReason.MISSING_HEADER,
            DeadLetterReason.WRONG_KEY,
            DeadLetterReason.CONTRACT_VIOLATION,
        ]
    )
    assert {letter.payload for letter in letters} == {record.value for record in bad}
    assert await field.count(VERDICTS) == 2


async def test_a_worker_without_partitions_is_ready_too(field: Field) -> None:
    workers = [await field.start() for _ in range(2)]
    spare = [await field.start() for _ in range(3)]
    for worker in (*workers, *spare):
        await until(worker.ready, 30.0)


async def test_without_a_broker_the_process_waits_says_so_and_ends_when_told(field: Field) -> None:
    process = field.spawn("services.scorer", TELLTALE_KAFKA_BOOTSTRAP="127.0.0.1:1")

    async def waits() -> bool:
        return "waiting for the broker" in process.log.read_text()

    await until(waits)
    alive, ready = await process.get("/healthz"), await process.get("/readyz")
    assert alive is not None and alive.status_code == 200
    assert ready is not None and ready.status_code == 503
    assert await process.stop() < 5


async def test_a_broker_that_comes_after_longer_than_a_session_finds_the_process_waiting(field: Field) -> None:
    async with proxied(field.servers.kafka_bootstrap, rewrite=True) as proxy:
        await proxy.cut()
        process = field.spawn(TELLTALE_KAFKA_BOOTSTRAP=f"127.0.0.1:{proxy.port}")

        async def waits() -> bool:
            return "waiting for the broker" in process.log.read_text()

        await until(waits)
        await asyncio.sleep(7)  # the outage itself; a session lasts 6 s
        await proxy.open()
        await until(process.ready, 30.0)  # it asserts that the process lives
        await field.produce([behavior(1)])
        await until(lambda: field.has(VERDICTS, 1))
        assert await process.stop() < 10


async def test_the_service_itself_scores_with_its_own_rules_and_tells_them(field: Field) -> None:
    process = field.spawn("services.scorer")
    await until(process.ready, 30.0)
    await field.produce(behavior(number, f"s{number % 5}", events=20) for number in range(50))
    await until(lambda: field.has(VERDICTS, 50))
    verdicts = await field.verdicts()
    assert len(verdicts) == 50 and doubled(verdicts) == 0

    async def counts_them() -> bool:
        metrics = await process.get("/metrics")
        scored = 'telltale_scorer_batches_total{domain="behavior",outcome="scored"} 50.0'
        return metrics is not None and scored in metrics.text

    await until(counts_them)
    rules = await process.get("/rules")
    assert rules is not None
    assert all(rule["id"] for rule in rules.json()["behavior"])
    rulesets = await process.get("/rulesets")
    assert rulesets is not None
    in_force = rulesets.json()["behavior"]
    assert in_force["rules"] == rules.json()["behavior"]
    assert {verdict.versions.ruleset for verdict in verdicts} == {in_force["version"]}
    assert await process.stop() < 10
    log = process.log.read_text()
    assert "Traceback" not in log and "pointer.move" not in log


async def test_workers_that_start_together_on_new_topics_pass_over_no_input(field: Field) -> None:
    for _ in range(2):
        field.spawn()
    for number in range(60):  # while the group forms, and forms again
        await field.produce(behavior(10 * number + index, f"s{index}") for index in range(10))
    await until(lambda: field.has(VERDICTS, 600), 40.0)
    assert doubled(await field.verdicts()) == 0


@pytest.mark.parametrize("states_reach", [0, 5])
async def test_a_state_log_behind_the_committed_offset_is_caught_up(field: Field, states_reach: int) -> None:
    await field.produce(behavior(number) for number in range(40))
    [partition] = {record.partition for record in await field.records(EVENTS)}
    place = TopicPartition(field.prefix + EVENTS, partition)
    if states_reach:
        mark = encode_watermark(Watermark(source_next=states_reach))
        async with AIOKafkaProducer(bootstrap_servers=field.servers.kafka_bootstrap) as producer:
            await producer.send_and_wait(field.prefix + STATES, b"", WATERMARK_KEY, partition, headers=[mark])
    async with AIOKafkaConsumer(
        bootstrap_servers=field.servers.kafka_bootstrap, group_id=field.prefix + GROUP, enable_auto_commit=False
    ) as consumer:
        consumer.assign([place])
        await consumer.commit({place: 25})
    await field.start()
    await until(lambda: field.has(VERDICTS, 40 - states_reach))
    sources = [int(dict(record.headers)["ce_sourceoffset"]) for record in await field.records(VERDICTS)]
    assert sources == list(range(states_reach, 40))
