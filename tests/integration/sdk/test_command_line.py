"""The command line in a process of its own: Ctrl-C, pipes, and Kafka."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.servers_for_tests import Servers
from services.gateway import examples
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.topics import DEAD_LETTERS, DEFAULT_PARTITIONS, VERDICTS
from tests.integration.sdk.kit import INTERRUPTED, Gateway, command, gateway_in_memory, interrupted
from tests.unit.sdk.test_recorded import SESSION, lines

FreshTopics = Callable[..., Awaitable[str]]


def environment(gateway: Gateway) -> dict[str, str]:
    return {"TELLTALE_URL": gateway.url, "TELLTALE_API_KEY": gateway.keys.text}


def sent(gateway: Gateway) -> int:
    """Count events and samples that the gateway wrote."""
    return sum(
        len(batch.get("events", [])) + sum(len(track["t"]) for track in batch.get("tracks", []))
        for batch in gateway.batches
    )


async def test_ctrl_c_ends_a_replay_and_tells_what_was_sent(tmp_path: Path) -> None:
    """A session of an hour, of which only the beginning is played."""
    late = {"type": "scroll", "occurred_at": "2026-03-01T13:00:00Z", "y": 2}
    file = tmp_path / "hour.jsonl"
    file.write_bytes(lines({**SESSION, "events": [*SESSION["events"], late]}))
    async with (
        gateway_in_memory() as gateway,
        command("replay", str(file), "--json", **environment(gateway)) as process,
    ):
        await gateway.written()
        code, out, err = await interrupted(process)
        summary = json.loads(out.splitlines()[-1])
        assert (code, summary["interrupted"], summary["delivered"]) == (INTERRUPTED, True, sent(gateway))
        assert 1 <= summary["delivered"] <= 4
        assert "Traceback" not in err


async def test_ctrl_c_ends_what_waits_for_a_pipe() -> None:
    async with gateway_in_memory() as gateway, command("send", "-", **environment(gateway)) as process:
        assert process.stdin is not None
        process.stdin.write(lines(SESSION))
        await process.stdin.drain()
        await gateway.written()
        code, out, err = await interrupted(process)
    assert (code, sent(gateway)) == (INTERRUPTED, 4)
    assert "4 of 4 events delivered" in out
    assert "interrupted" in err and "Traceback" not in err


async def test_what_takes_long_shows_how_far_it_is() -> None:
    async with gateway_in_memory() as gateway, command("send", "-", **environment(gateway)) as process:
        assert process.stdin is not None
        process.stdin.write(lines(SESSION))
        await process.stdin.drain()
        async with asyncio.timeout(20):
            while await told(process.stderr, 1) != ["sending: 4 events delivered"]:
                pass
        process.stdin.close()
        assert await process.wait() == 0


def verdict(number: int, action: str, risk: float, subject: str = "s-1") -> bytes:
    document = {
        **examples.VERDICT,
        "verdict_id": str(UUID(int=number)),
        "action": action,
        "risk_score": risk,
        "subject": {"type": "session", "id": subject},
    }
    return msgspec.json.encode(document)


async def write(servers: Servers, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers.kafka_bootstrap)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def told(stream: asyncio.StreamReader | None, count: int) -> list[str]:
    assert stream is not None
    async with asyncio.timeout(20):
        return [(await stream.readline()).decode().rstrip() for _ in range(count)]


@pytest.mark.parametrize("as_json", [True, False])
async def test_verdicts_are_shown_as_they_come_and_filtered(
    as_json: bool, servers: Servers, fresh_topics: FreshTopics
) -> None:
    prefix = await fresh_topics()
    topic = f"{prefix}{VERDICTS}"
    await write(servers, topic, verdict(1, "BLOCK", 0.9))  # before anybody watched
    arguments = ["--action", "block", "--action", "REVIEW", "--min-risk", "0.6", "--subject", "session/s-1"]
    watching = command(
        "tail", *arguments, *(["--json"] if as_json else []),
        TELLTALE_KAFKA_BOOTSTRAP=servers.kafka_bootstrap, TELLTALE_TOPIC_PREFIX=prefix,
    )  # fmt: skip
    async with watching as process:
        assert await told(process.stderr, 1) == [f"watching {servers.kafka_bootstrap}"]
        await write(
            servers, topic,
            verdict(2, "ALLOW", 0.9), verdict(3, "BLOCK", 0.59), verdict(4, "BLOCK", 0.9, subject="s-2"),
            b"no verdict", verdict(5, "REVIEW", 0.6), verdict(6, "BLOCK", 0.95),
        )  # fmt: skip
        shown = await told(process.stdout, 2 if as_json else 3)
        code, rest, err = await interrupted(process)
    assert (code, rest) == (INTERRUPTED, "")
    assert "passed over what is no verdict" in err
    if as_json:
        ids = [UUID(json.loads(line)["verdict_id"]).int for line in shown]
    else:
        assert shown[0].split()[:3] == ["action", "risk", "trust"]
        assert sorted(line.split()[:3] for line in shown[1:]) == [["BLOCK", "risk", "0.95"], ["REVIEW", "risk", "0.60"]]
        ids = [UUID(line.split()[-1]).int for line in shown[1:]]
    assert sorted(ids) == [5, 6]


async def test_one_subject_is_watched_without_kafka() -> None:
    async with gateway_in_memory() as gateway:
        latest = gateway.replies.by_subject
        watching = command("tail", "--subject", "session/s-1", "--json", **environment(gateway))
        async with watching as process:
            await told(process.stderr, 1)
            latest["acme", "session", "s-1"] = verdict(1, "BLOCK", 0.9)
            [first] = await told(process.stdout, 1)
            latest["acme", "session", "s-1"] = verdict(2, "ALLOW", 0.1)
            [second] = await told(process.stdout, 1)
            code, rest, _ = await interrupted(process)
    assert [UUID(json.loads(line)["verdict_id"]).int for line in (first, second)] == [1, 2]
    assert (code, rest) == (INTERRUPTED, "")


@pytest.mark.parametrize("partitions", [1, DEFAULT_PARTITIONS])
async def test_dead_letters_are_listed_without_their_payloads(
    partitions: int, servers: Servers, fresh_topics: FreshTopics
) -> None:
    prefix = await fresh_topics(partitions=partitions)
    letters = [
        DeadLetter(
            dead_letter_id=UUID(int=number), stage="scorer", reason=DeadLetterReason.UNDECODABLE, detail="no JSON",
            source_topic="events.behavior.v1", source_partition=0, source_offset=number,
            source_timestamp=datetime(2026, 3, 1, 12, number, tzinfo=UTC), tenant_id="acme", payload=b"secret",
        )
        for number in (3, 1, 2)
    ]  # fmt: skip
    # The newest records are one letter again and again, and no letter: they do not count as two.
    first, *again = map(msgspec.json.encode, [*letters, *[letters[0]] * 4])
    await write(servers, f"{prefix}{DEAD_LETTERS}", b"{}", first, *again, b"{}")
    settings = {"TELLTALE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap, "TELLTALE_TOPIC_PREFIX": prefix}
    async with command("dead-letters", "--limit", "2", **settings) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    *shown, last = out.decode().splitlines()
    assert [line.split()[1] for line in shown] == ["12:02:00", "12:03:00"]
    assert "undecodable" in shown[0] and "events.behavior.v1/0@2" in shown[0]
    assert (last, "secret" in out.decode()) == ("2 shown", False)
    assert "passed over what is no dead letter" in err.decode()

    async with command("dead-letters", "--json", **settings) as process:
        out, _ = await process.communicate()
    assert [json.loads(line)["source_offset"] for line in out.splitlines()] == [1, 2, 3]


async def test_a_topic_that_is_not_there_is_told(servers: Servers) -> None:
    async with command("tail", "--kafka", servers.kafka_bootstrap, "--topic-prefix", "nobody.") as process:
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert "has no topic nobody.verdicts.v1: is --topic-prefix right?" in err.decode()
