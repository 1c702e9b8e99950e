"""Compare what clients were told, what Kafka holds, what PostgreSQL holds, and what should have come out."""

from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from deploy.local.credentials import ADMIN
from services.scorer import pipeline
from services.scorer.pipeline import encode_state, is_expired, scored_domains
from services.scorer.stream.held import EXPIRY_GRACE
from services.scorer.stream.restore import Rebuild
from tests.chaos.evidence import InPostgres, Offsets, OnKafka, in_postgres, on_kafka, replayed, state_logs
from tests.chaos.findings import Findings, absent, different, repeated
from tests.chaos.kpis import kpi_mismatches
from tests.chaos.replaying import Expected
from tests.e2e.system import System


@dataclass(frozen=True, slots=True)
class Books:
    """What became of the acknowledged batches, and verdict records that Kafka has more than once."""

    acknowledged: int
    persisted: int
    rejected: int
    duplicated_verdict_records: int


@dataclass(slots=True)
class Receipts:
    """What clients were told: batches taken, the action and risk of verdicts, and what was refused or given up."""

    acknowledged: set[UUID] = field(default_factory=set)
    told: dict[UUID, tuple[str, float]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)


async def check(system: System, receipts: Receipts, held: Offsets, findings: Findings) -> Books:
    """Read everything there is and note whatever is not as it should be."""
    bootstrap = system.addresses.kafka_bootstrap
    connection = await asyncpg.connect(system.addresses.postgres_dsn_by_role[ADMIN])
    try:
        rows = await in_postgres(connection)
        findings.add("kpi_mismatches", await kpi_mismatches(connection))
    finally:
        await connection.close()
    records = await on_kafka(bootstrap, held)
    for domain in scored_domains():
        expected = await replayed(bootstrap, held, domain)
        check_path(expected, records, rows, findings)
        check_states(expected, await state_logs(bootstrap, held, domain), findings)
        check_sessions(expected, rows, findings)
    doubled = findings.add("duplicated", repeated("on Kafka verdict", records.verdicts))
    check_rows(receipts, rows, held, findings)
    there, rejected = rows.batches.keys(), rows.rejected - rows.batches.keys()
    return Books(
        acknowledged=len(receipts.acknowledged),
        persisted=len(receipts.acknowledged & there),
        rejected=len(receipts.acknowledged & rejected),
        duplicated_verdict_records=doubled,
    )


def check_rows(receipts: Receipts, rows: InPostgres, held: Offsets, findings: Findings) -> None:
    """Compare the rows with what clients were told and with the books beside them."""
    findings.add("lost", absent("acknowledged batch", receipts.acknowledged, rows.batches, rows.rejected))
    for what, counts in (("batch", rows.batches), ("verdict", rows.verdicts), ("dead letter", rows.letters)):
        findings.add("duplicated", repeated(f"row of {what}", counts))
    kept = {one: told for one, told in rows.told.items() if one in receipts.told}
    findings.add("verdict_mismatches", different("verdict as told to its caller", receipts.told, kept))
    for row in rows.books:
        place, outcomes = (row["topic"], row["partition"]), row["persisted"] + row["duplicates"] + row["rejected"]
        if row["missing"] or row["next_offset"] - row["first_offset"] != outcomes or row["next_offset"] != held[place]:
            findings.add("unbalanced", [f"books of {place[0]}/{place[1]}: {row}, the topic ends at {held[place]}"])
    # A client that hears no answer must have one in the end: the system was never away for as long as it tries.
    findings.add("given_up", receipts.given_up)


def check_path(expected: Expected, records: OnKafka, rows: InPostgres, findings: Findings) -> None:
    """Compare verdicts and dead letters with the replay: each is there, says the same, and nothing else is there."""
    findings.add("lost", absent("batch on Kafka", expected.batches, rows.batches, rows.rejected))
    findings.add("lost", absent("row without a record on Kafka, batch", rows.batches, expected.batches, rows.unscored))
    for where, documents in (("on Kafka", records.documents), ("row of", rows.documents)):
        findings.add("lost", absent(f"{where} verdict", expected.verdicts, documents))
        wanted = {one: document for one, document in expected.verdicts.items() if one in documents}
        findings.add("verdict_mismatches", different(f"{where} verdict", wanted, documents))
    for where, letters in (("on Kafka", records.letters), ("row of", rows.letters.keys())):
        findings.add("lost", absent(f"{where} dead letter", expected.letters, letters))


def check_states(expected: Expected, logs: dict[int, Rebuild], findings: Findings) -> None:
    """Compare the state log with the replay: how far it goes, and every subject's state, byte by byte."""
    reached = {partition: rebuild.mark.source_next for partition, rebuild in logs.items() if rebuild.mark.source_next}
    findings.add("state_mismatches", different("watermark of partition", expected.next_offset, reached))
    kept = {(partition, key): state for partition, rebuild in logs.items() for key, state in rebuild.states.items()}
    wanted = {
        place: encode_state(state)
        for place, state in expected.states.items()
        if place in kept or not _may_be_forgotten(expected, place[0], state)
    }
    findings.add("state_mismatches", different("state of subject", wanted, kept))


def check_sessions(expected: Expected, rows: InPostgres, findings: Findings) -> None:
    """Compare the rows of sessions with the replay's last verdict of each."""
    findings.add("state_mismatches", different("row of session", expected.sessions, rows.sessions))


def _may_be_forgotten(expected: Expected, partition: int, state: pipeline.SubjectState) -> bool:
    """Tell whether a session was idle for so long that the scorer need not remember it."""
    return is_expired(state, expected.event_time[partition] - EXPIRY_GRACE)
