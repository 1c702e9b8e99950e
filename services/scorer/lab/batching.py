"""A session cut into batches, as a client would have sent it: small ones first, so that early verdicts can be seen."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from services.scorer.lab.sessions import Session
from services.scorer.pipeline import SESSION_IDLE, ScoredInput
from shared.contracts.base import Subject
from shared.contracts.batch import BehaviorBatch
from shared.contracts.behavior import AnyBehaviorTrack
from shared.topics import Domain

EARLY_EVENTS: Final = 50
EVENTS_PER_EARLY_BATCH: Final = 10
EVENTS_PER_BATCH: Final = 50
_SUBJECT: Final = Subject(type="session", id="lab")
_COLUMNS: Final = ("x", "y", "key_class", "dwell_ms")


def batches_of(session: Session) -> Iterator[BehaviorBatch]:
    """Cut a session in the order of time; a track's samples count one by one, and its parts stay tracks."""
    samples = _samples(session)
    for number, (start, end) in enumerate(_cuts(len(samples))):
        part = samples[start:end]
        yield BehaviorBatch(
            batch_id=uuid5(NAMESPACE_URL, f"{session.session_id}/{number}"),
            subject=_SUBJECT,
            events=[item for _, item, row in part if row is None],
            tracks=_tracks([(item, row) for _, item, row in part if row is not None]),
        )


def inputs_of(session: Session) -> Iterator[ScoredInput]:
    """Give a session's batches as they reach the scorer, each right after its last event.

    A recording is one session, so a pause in it never counts as longer than a session may idle.
    """
    received_at: datetime | None = None
    latest: datetime | None = None
    for batch in batches_of(session):
        end = max(
            [event.occurred_at for event in batch.events]
            + [track.started_at + timedelta(milliseconds=max(track.t)) for track in batch.tracks]
        )
        waited = timedelta(0) if latest is None else min(max(end - latest, timedelta(0)), SESSION_IDLE)
        received_at = end if received_at is None else received_at + waited
        latest = end
        yield ScoredInput("lab", Domain.BEHAVIOR, received_at, 0, batch)


def _samples(session: Session) -> list[tuple[datetime, Any, int | None]]:
    """Give every event, and every sample of every track with its row, in the order of time."""
    samples: list[tuple[datetime, Any, int | None]] = [(event.occurred_at, event, None) for event in session.events]
    for track in session.tracks:
        samples += [(track.started_at + timedelta(milliseconds=t), track, row) for row, t in enumerate(track.t)]
    samples.sort(key=lambda sample: sample[0])
    return samples


def _cuts(size: int) -> Iterator[tuple[int, int]]:
    start = 0
    while start < size:
        end = min(size, start + (EVENTS_PER_EARLY_BATCH if start < EARLY_EVENTS else EVENTS_PER_BATCH))
        yield start, end
        start = end


def _tracks(rows: Sequence[tuple[AnyBehaviorTrack, int]]) -> list[AnyBehaviorTrack]:
    """Put samples together to parts of their tracks, in the order of their first samples."""
    parts: dict[int, tuple[AnyBehaviorTrack, list[int]]] = {}
    for track, row in rows:
        parts.setdefault(id(track), (track, []))[1].append(row)
    return [_part(track, taken) for track, taken in parts.values()]


def _part(track: AnyBehaviorTrack, rows: list[int]) -> AnyBehaviorTrack:
    columns = {name: getattr(track, name, None) for name in _COLUMNS}
    parts = {name: [column[row] for row in rows] for name, column in columns.items() if column is not None}
    first = min(track.t[row] for row in rows)
    started_at = track.started_at + timedelta(milliseconds=first)
    return msgspec.structs.replace(track, started_at=started_at, t=[track.t[row] - first for row in rows], **parts)
