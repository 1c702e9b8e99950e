"""Stored verdicts proven on real Kafka and PostgreSQL: recorded sessions, the real scorer, persister and command."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from deploy.local.recorded import RECORDINGS, load_recordings, pieces
from deploy.local.servers_for_tests import Servers
from shared.cloudevents import BatchHeaders, batch_headers
from shared.contracts.batch import decode_batch, event_count
from shared.contracts.verdict import verdict_id
from shared.topics import Domain, partition_key
from tests.integration.deploy.operating import environment, operate, operate_apart
from tests.integration.persister.harness import System, new_tenant, open_system
from tests.integration.scorer.harness import Field, Process, field_of, until
from tests.unit.persister.records import TRACEPARENT, Record

_PATIENCE_S = 60.0
_BATCHES = 6
_JUDGEMENT = "SELECT risk_score, confidence FROM verdicts WHERE verdict_id = $1"
_REWRITE = "UPDATE verdicts SET document = $2 WHERE verdict_id = $1"
RECORDED = load_recordings(RECORDINGS)
_LONG = max(range(len(RECORDED)), key=lambda number: RECORDED[number].duration_s)


@dataclass
class World:
    """A system of its own, and what was sent through it."""

    system: System
    scorers: Field
    variables: dict[str, str]
    tenant_id: str = field(default_factory=new_tenant)
    stored: int = 0

    async def scorer(self, module: str = "services.scorer") -> Process:
        """Start a scorer and wait until it is ready."""
        process = self.scorers.spawn(module)
        await until(process.ready, _PATIENCE_S)
        return process

    def records(self, subject: str, recording: int, began: datetime, skew_ms: int = 0) -> list[Record]:
        """Write the first batches of a recording as a gateway does, a second apart."""
        made = []
        for piece in list(pieces(RECORDED[recording], began - timedelta(milliseconds=skew_ms)))[:_BATCHES]:
            batch_id, received_at = uuid4(), began + timedelta(seconds=piece.offset_s + 1, microseconds=7)
            body = msgspec.json.encode(
                {
                    "batch_id": batch_id, "domain": "behavior", "subject": {"type": "session", "id": subject},
                    "events": piece.objects, "tracks": [piece.track] if piece.track else [],
                }
            )  # fmt: skip
            events = event_count(decode_batch(body))
            stamp = BatchHeaders(
                batch_id,
                self.tenant_id,
                Domain.BEHAVIOR,
                f"session/{subject}",
                received_at,
                events,
                skew_ms,
                TRACEPARENT,
            )
            made.append(
                Record(
                    partition=sum(subject.encode()) % 4, key=partition_key(self.tenant_id, "session", subject),
                    value=body, headers=batch_headers(stamp), timestamp=int(received_at.timestamp() * 1000),
                )
            )  # fmt: skip
        return made

    async def judge(self, *records: Record) -> list[UUID]:
        """Send batches that were not sent before, and wait until they and their verdicts are stored."""
        await self.system.publish(records)
        self.stored += len(records)
        await self.until_rows(batches=self.stored, verdicts=self.stored)
        return [self.verdict_on(record) for record in records]

    async def until_rows(self, **counts: int) -> None:
        """Wait until tables have so many rows of the tenant."""
        async with asyncio.timeout(_PATIENCE_S):
            for table, count in counts.items():
                while await self.system.count(table, self.tenant_id) < count:
                    await asyncio.sleep(0.05)

    def verdict_on(self, record: Record) -> UUID:
        """Give the id of the verdict on a batch."""
        return verdict_id(self.tenant_id, batch_id_of(record))

    async def change(self, statement: str, *values: object) -> None:
        """Change a stored row, as nobody but the owner can."""
        assert await self.system.owner.execute(statement, *values) in ("UPDATE 1", "DELETE 1")

    async def replay(self, one: UUID) -> tuple[int, dict[str, Any]]:
        """Replay a verdict; give the exit code and the last line."""
        done = await operate(self.variables, "replay", str(one))
        return done.code, done.document


def batch_id_of(record: Record) -> UUID:
    return UUID(dict(record.headers)["ce_id"].decode())


@pytest.fixture
async def world(servers: Servers, fresh_topics: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[World]:
    prefix = await fresh_topics()
    async with open_system(servers, prefix) as system, field_of(servers, prefix, tmp_path) as scorers:
        async with system.persister():
            yield World(system, scorers, environment(servers, prefix, str(tmp_path)))


async def test_every_verdict_of_recorded_sessions_comes_out_again(world: World) -> None:
    now = datetime.now(UTC)
    sessions = [world.records(f"s{number}", number, now - timedelta(hours=2), 350 * number) for number in range(6)]
    woven = [batch for step in range(_BATCHES) for session in sessions for batch in session[step : step + 1]]
    first = await world.scorer()
    found = await world.judge(*woven[: len(woven) // 2])
    await world.system.publish(woven[:3])  # clients that retried: neither stored nor judged again
    await first.stop()
    await world.scorer()  # takes the states from Kafka
    found += await world.judge(*woven[len(woven) // 2 :])
    later = await world.judge(*world.records("s0", 7, now - timedelta(minutes=10)))  # the same subject, another session
    judgements = set()
    for one in [*found, *later]:
        code, told = await world.replay(one)
        assert (code, told["result"], told["differences"]) == (0, "same", []), told
        assert told["session_began"] == ("after idle time" if one in later else "first seen")
        judgements.add(await world.system.owner.fetchrow(_JUDGEMENT, one))
    assert len(judgements) > len(later), "they do not all say the same"
    done = await operate_apart(world.variables, "replay", str(later[-1]))
    assert (done.code, done.document["result"], done.document["batches"]) == (0, "same", len(later)), done.err


async def test_what_was_changed_or_lost_since_shows(world: World) -> None:
    await world.scorer()
    records = world.records("s", _LONG, datetime.now(UTC) - timedelta(minutes=5))
    verdicts = await world.judge(*records)
    ids = [batch_id_of(record) for record in records]
    last = verdicts[-1]
    assert (await world.replay(last))[0] == 0

    read = "SELECT document FROM verdicts WHERE verdict_id = $1"
    document = await world.system.owner.fetchval(read, verdicts[-2])
    older = msgspec.json.decode(document)
    older["versions"]["models"]["pointer"] = "f00"
    await world.change(_REWRITE, verdicts[-2], msgspec.json.encode(older).decode())
    for one in verdicts[-2:]:  # it judged a part of the last one's session too
        code, told = await world.replay(one)
        assert (code, told["result"]) == (3, "versions differ"), told
    assert (await world.replay(verdicts[-3]))[0] == 0, "before it, nothing of that version was there"
    await world.change(_REWRITE, verdicts[-2], document)

    payload = (records[0].value or b"").decode()
    await world.change("UPDATE batches SET clock_skew_ms = 1000 WHERE batch_id = $1", ids[-1])
    code, told = await world.replay(last)
    assert (code, told["result"]) == (1, "different")
    assert [one["field"] for one in told["differences"]] == ["/occurred_at"]
    await world.change("UPDATE batches SET clock_skew_ms = 0 WHERE batch_id = $1", ids[-1])

    half = msgspec.json.decode(payload)
    for column in ("t", "x", "y"):
        half["tracks"][0][column] = half["tracks"][0][column][::2]
    await world.change(
        "UPDATE batches SET payload = $2 WHERE batch_id = $1", ids[0], msgspec.json.encode(half).decode()
    )
    code, told = await world.replay(last)
    assert (code, told["result"]) == (1, "different")
    assert "/session/event_count" in {one["field"] for one in told["differences"]}
    await world.change("UPDATE batches SET payload = $2 WHERE batch_id = $1", ids[0], payload)
    assert (await world.replay(last))[0] == 0

    await world.change("DELETE FROM batches WHERE batch_id = $1", ids[1])
    code, told = await world.replay(last)
    assert (code, told["result"], told["batches"]) == (3, "incomplete", 1)
    assert "batch 2 is not stored" in told["why"]
    assert (await world.replay(verdicts[0]))[0] == 0, "it had not seen what is gone"


async def test_a_batch_that_was_sent_on_again_is_folded_where_it_was_judged(world: World) -> None:
    first, *others = world.records("s", _LONG, datetime.now(UTC) - timedelta(minutes=5))[:3]
    broken = await world.scorer("tests.integration.deploy.failing_scorer")
    await world.system.publish([first])
    await world.until_rows(batches=1, dead_letters=1)
    broken.kill()
    await world.scorer()
    await world.system.publish(others)
    await world.until_rows(batches=3, verdicts=2)
    query = "SELECT dead_letter_id FROM dead_letters WHERE batch_id = $1"
    letter = await world.system.owner.fetchval(query, batch_id_of(first))
    redriven = await operate(world.variables, "dead-letters", "redrive", str(letter))
    assert redriven.code == 0, redriven.err
    await world.until_rows(verdicts=3)
    for record, place in ((others[0], 1), (others[1], 2), (first, 3)):
        code, told = await world.replay(world.verdict_on(record))
        assert (code, told["result"], told["batches"]) == (0, "same", place), told


async def test_an_unknown_verdict_is_said_to_be_unknown(world: World) -> None:
    done = await operate(world.variables, "replay", str(uuid4()))
    assert done.code == 2
    assert "no such verdict" in done.err
