"""The whole service against real Kafka and PostgreSQL."""

import signal
import uuid

import msgspec

from tests.integration.persister.harness import System, end
from tests.unit.persister.records import Record, batch_record, letter_of, letter_record, verdict_of, verdict_record


async def test_rows_are_exact(system: System, tenant_id: str) -> None:
    batch_id = uuid.uuid4()
    batch = batch_record(batch_id=batch_id, tenant_id=tenant_id, clock_skew_ms=-5)
    verdict = verdict_of(batch_id, tenant_id=tenant_id, codes=["A_REASON", "B_REASON"])
    letter = letter_of(tenant_id=tenant_id)
    async with system.persister():
        await system.publish([batch, verdict_record(0, verdict), letter_record(0, letter)])
        books = await system.until_moved(3)
    assert books == {"moved": 3, "persisted": 3, "duplicates": 0, "rejected": 0, "missing": 0}

    stored = await system.owner.fetchrow("SELECT * FROM batches WHERE tenant_id = $1", tenant_id)
    assert stored is not None
    assert stored["payload"].encode() == batch.value
    assert (stored["batch_id"], stored["subject_type"], stored["subject_id"]) == (batch_id, "session", "s-1")
    assert (stored["event_count"], stored["clock_skew_ms"]) == (2, -5)

    row = await system.owner.fetchrow("SELECT * FROM verdicts WHERE tenant_id = $1", tenant_id)
    assert row is not None
    assert msgspec.json.decode(row["document"], type=type(verdict)) == verdict
    assert row["reason_codes"] == ["A_REASON", "B_REASON"]
    assert (row["scored_at"] - row["received_at"]).total_seconds() == 0.003

    kept = await system.owner.fetchrow("SELECT * FROM dead_letters WHERE tenant_id = $1", tenant_id)
    assert kept is not None
    assert kept["payload"] == letter.payload


async def test_sent_again_leaves_one_row(system: System, tenant_id: str) -> None:
    batch_id = uuid.uuid4()
    batch = batch_record(batch_id=batch_id, tenant_id=tenant_id)
    verdict = verdict_record(0, verdict_of(batch_id, tenant_id=tenant_id))
    async with system.persister():
        await system.publish([batch, batch, verdict])
        await system.until_moved(3)
        await system.publish([batch, verdict])
        books = await system.until_moved(5)
    assert books == {"moved": 5, "persisted": 2, "duplicates": 3, "rejected": 0, "missing": 0}
    assert await system.count("batches", tenant_id) == 1
    assert await system.count("verdicts", tenant_id) == 1


async def test_a_poison_row_goes_alone(system: System, tenant_id: str) -> None:
    good = [batch_record(tenant_id=tenant_id) for _ in range(20)]
    poison = [
        batch_record(tenant_id=tenant_id, value=b'{"events": [}'),
        batch_record(tenant_id=tenant_id, subject="session/nul\x00"),
        batch_record(tenant_id=tenant_id, clock_skew_ms=2**70),
        Record(value=b"no headers"),
        Record(key=b"k", value=None, headers=batch_record(tenant_id=tenant_id).headers),
    ]
    await system.publish([*good[:7], *poison, *good[7:]])
    async with system.persister():
        books = await system.until_moved(25 + 5)  # the letters come back as records
    assert books == {"moved": 30, "persisted": 25, "duplicates": 0, "rejected": 5, "missing": 0}
    assert await system.count("batches", tenant_id) == 20
    reasons = await system.owner.fetch(
        "SELECT reason, count(*) FROM dead_letters WHERE starts_with(source_topic, $1) GROUP BY 1", system.prefix
    )
    assert dict(map(tuple, reasons)) == {"row_refused": 2, "missing_header": 1, "undecodable": 2}


async def test_another_batch_with_the_same_id_is_a_conflict(system: System, tenant_id: str) -> None:
    batch_id = uuid.uuid4()
    first = batch_record(batch_id=batch_id, tenant_id=tenant_id)
    other = batch_record(batch_id=batch_id, tenant_id=tenant_id, subject="session/other")
    changed = batch_record(batch_id=batch_id, tenant_id=tenant_id, value=b'{"events":[]}')
    async with system.persister():
        await system.publish([first])
        await system.until_moved(1)
        await system.publish([other, changed])
        books = await system.until_moved(3 + 2)
    assert (books["persisted"], books["rejected"]) == (1 + 2, 2)


async def test_a_letter_nobody_can_read_is_kept_and_ends_there(system: System) -> None:
    async with system.persister():
        await system.publish([Record(topic="dead-letters.v1", value=b"\x00 no letter", key=None)])
        books = await system.until_moved(1)
    assert books == {"moved": 1, "persisted": 0, "duplicates": 0, "rejected": 1, "missing": 0}
    kept = await system.owner.fetch(
        "SELECT payload FROM dead_letters WHERE source_topic = $1", system.prefix + "dead-letters.v1"
    )
    assert [row["payload"] for row in kept] == [b"\x00 no letter"]


async def test_sigterm_ends_it_with_zero(system: System, tenant_id: str) -> None:
    process = await system.start()
    await system.publish([batch_record(tenant_id=tenant_id)])
    await system.until_moved(1)
    assert await end(process, signal.SIGTERM) == 0
