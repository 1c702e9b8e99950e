"""The books compared on real Kafka and PostgreSQL, with the real scorer and persister between them."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from deploy.local.servers_for_tests import Servers
from deploy.operate.reconcile.ledger import Receipt, write_receipts
from shared.cloudevents import BatchHeaders, batch_headers
from shared.contracts.verdict import verdict_id
from shared.topics import VERDICTS, Domain, events_topic, partition_key
from tests.integration.deploy.operating import Done, environment, operate
from tests.integration.persister.harness import System, new_tenant, open_system
from tests.integration.scorer.harness import Field, Process, field_of, until
from tests.unit.persister.records import Record

BEHAVIOR = events_topic(Domain.BEHAVIOR)
EVENTS = 3
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class World:
    """A system of its own: topics, a persister, and scorers as a test wants them."""

    servers: Servers
    system: System
    field: Field
    variables: dict[str, str]
    home: Path
    records: dict[UUID, Record] = dataclasses.field(default_factory=dict)  # what was sent, by batch

    async def send(self, tenant_id: str, *subjects: str) -> list[UUID]:
        """Write one batch a subject as a gateway does; keep the receipts as a client does."""
        records, ids = [], []
        for subject in subjects:
            batch_id, received_at = uuid4(), datetime.now(UTC)
            moves = [{"type": "pointer.move", "occurred_at": received_at, "x": i, "y": i} for i in range(EVENTS)]
            body = {
                "batch_id": batch_id, "domain": "behavior", "subject": {"type": "session", "id": subject},
                "events": moves,
            }  # fmt: skip
            stamp = BatchHeaders(
                batch_id, tenant_id, Domain.BEHAVIOR, f"session/{subject}", received_at, EVENTS, 0,
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            )  # fmt: skip
            records.append(
                Record(
                    partition=sum(subject.encode()) % 4, key=partition_key(tenant_id, "session", subject),
                    value=msgspec.json.encode(body), headers=batch_headers(stamp),
                    timestamp=int(received_at.timestamp() * 1000),
                )
            )  # fmt: skip
            ids.append(batch_id)
        await self.system.publish(records)
        self.tell(tenant_id, ids)
        self.records.update(zip(ids, records, strict=True))
        return ids

    def tell(self, tenant_id: str, ids: Sequence[UUID], events: int = EVENTS) -> None:
        """Keep receipts."""
        write_receipts(self.home / "receipts" / f"{tenant_id}.jsonl", [Receipt(one, events, tenant_id) for one in ids])

    async def scorer(self, module: str = "services.scorer") -> Process:
        """Start a scorer and wait until it is ready."""
        process = self.field.spawn(module=module)
        await until(process.ready, _PATIENCE_S)
        return process

    async def reconcile(self, tenant_id: str, *words: str) -> Done:
        """Compare the books of a tenant."""
        return await operate(self.variables, "reconcile", "--tenant", tenant_id, *words)

    async def until_rows(self, tenant_id: str, **counts: int) -> None:
        """Wait until tables have so many rows of a tenant."""
        async with asyncio.timeout(_PATIENCE_S):
            for table, count in counts.items():
                while await self.system.count(table, tenant_id) < count:
                    await asyncio.sleep(0.05)

    async def until_outcome(self, name: str, count: int) -> None:
        """Wait until the persister's books have so many records of an outcome."""
        async with asyncio.timeout(_PATIENCE_S):
            while (await self.system.books())[name] < count:
                await asyncio.sleep(0.05)


@pytest.fixture
async def world(servers: Servers, fresh_topics: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[World]:
    prefix = await fresh_topics()
    async with open_system(servers, prefix) as system, field_of(servers, prefix, tmp_path) as field:
        yield World(servers, system, field, environment(servers, prefix, str(tmp_path)), tmp_path)


def told(done: Done, tenant_id: str) -> dict[str, Any]:
    """Give one tenant's sums that are not zero, but for the number of verdict copies."""
    books: dict[str, Any] = done.document["tenants"][tenant_id]
    return {name: value for name, value in books.items() if value}


def misses(done: Done) -> set[tuple[str, str]]:
    """Give what was shown to miss."""
    shown = [line.partition(" ")[2] for line in done.out.splitlines() if " {" in line and "batch_id" in line]
    return {(one["what"], one["batch_id"]) for one in map(json.loads, shown)}


async def test_every_defect_is_found_and_its_batch_named(world: World) -> None:
    tenants = {name: new_tenant() for name in ("well", "lost", "unscored", "doubled", "miscounted", "unsent")}
    async with world.system.persister():
        await world.scorer()
        sent = {name: await world.send(tenant, "a", "b", "c") for name, tenant in tenants.items()}
        await world.system.publish([world.records[sent["well"][0]]])  # a client that retried
        for tenant in tenants.values():
            await world.until_rows(tenant, batches=3, verdicts=3)
        await world.until_outcome("duplicates", 1)
        owner, victim = world.system.owner, {name: ids[1] for name, ids in sent.items()}
        await owner.execute("DELETE FROM batches WHERE batch_id = $1", victim["lost"])
        await owner.execute("DELETE FROM verdicts WHERE batch_id = $1", victim["unscored"])
        await owner.execute("UPDATE batches SET event_count = 9 WHERE batch_id = $1", victim["miscounted"])
        await owner.execute(
            "INSERT INTO verdicts SELECT received_at - interval '1 day', scored_at, persisted_at, occurred_at,"
            " session_started_at, source_offset, risk_score, confidence, source_partition, event_count, trust_score,"
            " verdict_id, batch_id, tenant_id, domain, subject_type, subject_id, action, label, traceparent,"
            " reason_codes, document FROM verdicts WHERE batch_id = $1",
            victim["doubled"],
        )
        world.tell(tenants["unsent"], [victim["unsent"], (never := uuid4())])
        done = {name: await world.reconcile(tenant) for name, tenant in tenants.items()}
    whole = {"told": 3, "in_kafka": 3, "persisted": 3}
    assert {name: told(one, tenants[name]) for name, one in done.items()} == {
        "well": whole | {"copies": 1},
        "lost": whole | {"persisted": 2, "lost": 1},
        "unscored": whole | {"unscored": 1},
        "doubled": whole | {"duplicated": 1},
        "miscounted": whole | {"miscounted": 2},  # the record and the receipt both say so
        "unsent": whole | {"told": 4, "lost": 1},
    }
    assert {name: one.code for name, one in done.items()} == {name: int(name != "well") for name in tenants}
    for name in ("lost", "unscored", "doubled", "miscounted"):
        assert misses(done[name]) == {({"doubled": "duplicated"}.get(name, name), str(victim[name]))}
    assert misses(done["unsent"]) == {("lost", str(never))}
    assert done["well"].document["unbalanced_partitions"] == 0


async def test_what_nobody_has_come_to_yet_is_waiting_and_not_lost(world: World, tmp_path: Path) -> None:
    tenant_id = new_tenant()
    ids = await world.send(tenant_id, "a", "b")
    out = tmp_path / "misses.jsonl"
    without = await world.reconcile(tenant_id, "--wait-s", "0", "--out", str(out))
    assert (without.code, told(without, tenant_id)) == (1, {"told": 2, "in_kafka": 2, "waiting": 2})
    assert {json.loads(line)["batch_id"] for line in out.read_text().splitlines()} == set(map(str, ids))
    async with world.system.persister():
        await world.until_rows(tenant_id, batches=2)
        stored = await world.reconcile(tenant_id, "--wait-s", "0")
        assert told(stored, tenant_id) == {"told": 2, "in_kafka": 2, "persisted": 2, "unscored_waiting": 2}
        world.field.spawn(module="services.scorer")
        waited = await world.reconcile(tenant_id, "--wait-s", str(_PATIENCE_S))
    assert (waited.code, told(waited, tenant_id)) == (0, {"told": 2, "in_kafka": 2, "persisted": 2}), waited


async def test_a_batch_the_scorer_refused_is_judged_once_after_its_redrive(world: World) -> None:
    tenant_id = new_tenant()
    async with world.system.persister():
        broken = await world.scorer("tests.integration.deploy.failing_scorer")
        [batch_id] = await world.send(tenant_id, "a")
        await world.until_rows(tenant_id, batches=1, dead_letters=1)
        refused = await world.reconcile(tenant_id)
        assert (refused.code, told(refused, tenant_id)) == (0, {"told": 1, "in_kafka": 1, "persisted": 1})
        broken.kill()
        letter = await _letter(world, batch_id)
        assert (await _redrive(world, letter)).code == 0  # the defect is still there: no scorer runs
        await world.scorer()
        await world.until_rows(tenant_id, verdicts=1)
        await _forget_that_it_was_done(world, letter)
        finished = await _redrive(world, letter)
        assert finished.document["finished"] == 1, finished
        await world.until_outcome("duplicates", 2)
        after = await world.reconcile(tenant_id)
    assert (after.code, told(after, tenant_id)) == (0, {"told": 1, "in_kafka": 1, "persisted": 1, "copies": 2})
    assert await _published_verdicts(world, tenant_id, batch_id) == 1


async def test_a_batch_whose_row_was_refused_is_stored_once_after_its_redrive(world: World) -> None:
    tenant_id = new_tenant()
    async with world.system.persister(), _refusing(world.system.owner, tenant_id):
        await world.scorer()
        [batch_id] = await world.send(tenant_id, "a")
        await world.until_rows(tenant_id, verdicts=1, dead_letters=1)
        refused = await world.reconcile(tenant_id)
        assert (refused.code, told(refused, tenant_id)) == (0, {"told": 1, "in_kafka": 1, "rejected": 1})
        letter = await _letter(world, batch_id)
        assert (await _redrive(world, letter)).code == 0
        await world.until_rows(tenant_id, dead_letters=2)  # refused again: a new letter
        newer = await _letter(world, batch_id, but=letter)
        shown = await operate(world.variables, "dead-letters", "show", str(newer))
        assert f"out of letter {letter}" in shown.out
        still = await world.reconcile(tenant_id)
        assert (still.code, told(still, tenant_id)["rejected"]) == (0, 1)
    async with world.system.persister():
        assert (await _redrive(world, newer)).code == 0
        await world.until_rows(tenant_id, batches=1)
        await _forget_that_it_was_done(world, newer)
        assert (await _redrive(world, newer)).document["finished"] == 1
        await world.until_outcome("duplicates", 1)
        after = await world.reconcile(tenant_id)
    assert (after.code, told(after, tenant_id)) == (0, {"told": 1, "in_kafka": 1, "persisted": 1, "copies": 3})
    assert await _published_verdicts(world, tenant_id, batch_id) == 1


async def test_a_record_that_names_no_tenant_is_counted_too(world: World) -> None:
    await world.system.publish([Record(value=b"not ours"), Record(partition=1, key=b"k", headers=[("ce_id", b"x")])])
    async with world.system.persister():
        await world.until_outcome("rejected", 2)
        done = await operate(world.variables, "reconcile", "--wait-s", "0")  # other tests' tenants are there too
    assert told(done, "(none)") == {"in_kafka": 2, "rejected": 2}
    assert done.document["unbalanced_partitions"] == 0


async def test_without_a_source_nothing_is_said(world: World) -> None:
    for variable, port in (("TELLTALE_KAFKA_BOOTSTRAP", "127.0.0.1:1"), ("TELLTALE_POSTGRES_PORT", "1")):
        done = await operate(world.variables | {variable: port}, "reconcile")
        assert (done.code, done.out) == (2, "")
        assert "see `make status`" in done.err
    other = await operate(world.variables | {"TELLTALE_TOPIC_PREFIX": "nobodys."}, "reconcile")
    assert (other.code, "TELLTALE_TOPIC_PREFIX" in other.err) == (2, True)


async def _letter(world: World, batch_id: UUID, but: UUID | None = None) -> UUID:
    query = "SELECT dead_letter_id FROM dead_letters WHERE batch_id = $1 AND dead_letter_id IS DISTINCT FROM $2"
    [row] = await world.system.owner.fetch(query, batch_id, but)
    letter: UUID = row[0]
    return letter


async def _redrive(world: World, letter: UUID) -> Done:
    return await operate(world.variables, "dead-letters", "redrive", str(letter))


async def _forget_that_it_was_done(world: World, letter: UUID) -> None:
    """Leave the books as a process does that ended after the broker had the message."""
    await world.system.owner.execute(
        "UPDATE redrives SET done_at = NULL, published_offset = NULL WHERE dead_letter_id = $1", letter
    )


async def _published_verdicts(world: World, tenant_id: str, batch_id: UUID) -> int:
    identity = str(verdict_id(tenant_id, batch_id)).encode()
    return sum(("ce_id", identity) in record.headers for record in await world.field.records(VERDICTS))


@asynccontextmanager
async def _refusing(owner: "asyncpg.Connection[asyncpg.Record]", tenant_id: str) -> AsyncIterator[None]:
    """Have PostgreSQL refuse the rows of one tenant, as of data it cannot hold."""
    name = "refuse_" + tenant_id.replace("-", "_")
    leaf = f"batches_{datetime.now(UTC):%Y%m%d}"
    await owner.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = 'refused'; END$$;"
        f"CREATE TRIGGER {name} BEFORE INSERT ON {leaf} FOR EACH ROW"
        f" WHEN (NEW.tenant_id = '{tenant_id}') EXECUTE FUNCTION {name}()"
    )
    try:
        yield
    finally:
        await owner.execute(f"DROP TRIGGER {name} ON {leaf}; DROP FUNCTION {name}()")
