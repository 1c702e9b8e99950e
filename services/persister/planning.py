"""Rows to a write: which are new, which were there, what is rejected, and the books that go with it. Pure.

Every offset that a write moves past has exactly one outcome: persisted, duplicate, rejected or missing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from services.persister.reading import (
    COLUMNS,
    Identity,
    Reader,
    Rejection,
    Row,
    SessionRow,
    SourceRecord,
    Table,
    letter_for,
    read_record,
)
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason

_PLACE: Final = {name: index for index, name in enumerate(COLUMNS[Table.BATCHES])}


class Stream(NamedTuple):
    """One partition of a topic, by its full name."""

    topic: str
    partition: int


class Fingerprint(NamedTuple):
    """What a batch sent again has in common with the first: everything but ``sent_at``."""

    domain: str
    subject_type: str
    subject_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What one partition gave: offsets ``first`` up to ``next_offset``, of which ``missing`` gave no record."""

    stream: Stream
    first: int
    next_offset: int
    missing: int
    items: list[Row | Rejection]


class Lookup(NamedTuple):
    """What to ask the store before planning. No row of the write is from before ``earliest``."""

    identities: list[Identity]
    earliest: datetime


Asked = Mapping[Table, Lookup]
Seen = Mapping[Table, Mapping[Identity, Fingerprint | None]]  # only batches need more than their identity


class Advance(NamedTuple):
    """One line of the books: a partition's next offset, from what to what, and the outcome of each offset between."""

    topic: str
    partition: int
    expected: int
    next_offset: int
    persisted: int
    duplicates: int
    rejected: int
    missing: int


@dataclass(frozen=True, slots=True)
class WritePlan:
    """One transaction. ``letters`` must be on the broker before it, because it counts them as rejected."""

    rows: dict[Table, list[Row]]
    sessions: list[SessionRow]
    advances: list[Advance]
    letters: list[DeadLetter]


def read_stream(reader: Reader, stream: Stream, expected: int, records: Sequence[SourceRecord]) -> Reading | None:
    """Read one partition's records from the expected offset on; earlier ones are written already and skipped.

    Returns
    -------
    Reading | None
        None when nothing is new.
    """
    fresh = [record for record in records if record.offset >= expected]
    if not fresh:
        return None
    next_offset = fresh[-1].offset + 1
    missing = next_offset - expected - len(fresh)
    return Reading(stream, expected, next_offset, missing, [read_record(reader, record) for record in fresh])


def asked_of(readings: Iterable[Reading]) -> Asked:
    """List what must be looked up."""
    rows: dict[Table, list[Row]] = {}
    for reading in readings:
        for item in reading.items:
            if isinstance(item, Row):
                rows.setdefault(item.table, []).append(item)
    return {
        table: Lookup([row.identity for row in found], min(row.values[0] for row in found))
        for table, found in rows.items()
    }


def plan_write(readings: Iterable[Reading], seen: Seen) -> WritePlan:
    """Decide what becomes of every record. Of two equal ones within one write, the first is new."""
    known: dict[Table, dict[Identity, Fingerprint | Row | None]] = {table: dict(seen.get(table, {})) for table in Table}
    rows: dict[Table, list[Row]] = {table: [] for table in Table}
    sessions: dict[tuple[object, ...], SessionRow] = {}
    advances: list[Advance] = []
    letters: list[DeadLetter] = []
    for reading in readings:
        duplicates = rejected = 0
        for item in reading.items:
            if isinstance(item, Rejection):
                rejected += 1
                if item.published:
                    letters.append(item.letter)
                continue
            table, identity = item.table, item.identity
            if identity not in known[table]:
                known[table][identity] = item
                rows[table].append(item)
                rejected += item.rejected
                if item.session is not None and item.session.follows(sessions.get(item.session.key)):
                    sessions[item.session.key] = item.session
            elif _is_same(item, known[table][identity]):
                duplicates += 1
            else:
                rejected += 1
                letters.append(letter_for(item.record, DeadLetterReason.BATCH_ID_CONFLICT, _CONFLICT))
        persisted = len(reading.items) - duplicates - rejected
        advances.append(
            Advance(
                *reading.stream, reading.first, reading.next_offset, persisted, duplicates, rejected, reading.missing
            )
        )
    return WritePlan(rows, list(sessions.values()), advances, letters)


def reject_rows(readings: Iterable[Reading], refusals: Sequence[tuple[Row, str]]) -> list[Reading]:
    """Turn rows that the store refuses into rejections. A refused dead letter is not published: it would never end."""
    detail_by_place = {_place_of(row.record): detail for row, detail in refusals}

    def judged(item: Row | Rejection) -> Row | Rejection:
        if isinstance(item, Rejection) or (detail := detail_by_place.get(_place_of(item.record))) is None:
            return item
        letter = letter_for(item.record, DeadLetterReason.ROW_REFUSED, detail)
        return Rejection(letter, published=item.table is not Table.DEAD_LETTERS)

    return [
        Reading(reading.stream, reading.first, reading.next_offset, reading.missing, list(map(judged, reading.items)))
        for reading in readings
    ]


def fingerprint(domain: str, subject_type: str, subject_id: str, payload: bytes) -> Fingerprint:
    """Tell a batch from another of the same id. ``sent_at`` does not count: a client stamps each attempt anew."""
    try:
        document = msgspec.json.decode(payload)
        if isinstance(document, dict):
            document.pop("sent_at", None)
        payload = msgspec.json.encode(document, order="deterministic")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # no JSON: its bytes must do
    return Fingerprint(domain, subject_type, subject_id, hashlib.sha256(payload).digest())


_CONFLICT: Final = "another batch of this tenant has this batch_id"


def _is_same(row: Row, earlier: Fingerprint | Row | None) -> bool:
    if earlier is None or row.table is not Table.BATCHES:
        return True
    return _fingerprint_of(row) == (_fingerprint_of(earlier) if isinstance(earlier, Row) else earlier)


def _fingerprint_of(row: Row) -> Fingerprint:
    names = ("domain", "subject_type", "subject_id", "payload")
    return fingerprint(*(row.values[_PLACE[name]] for name in names))


def _place_of(record: SourceRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
