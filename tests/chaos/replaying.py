"""What should have come out: the event log folded once more, by the pure core alone, without restores or kills."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from services.scorer import pipeline
from services.scorer.app import PipelineJudge
from services.scorer.stream.admission import Refused, Source, admit
from services.scorer.stream.watermark import EPOCH
from shared.contracts.dead_letter import dead_letter_id
from shared.contracts.verdict import Verdict
from shared.dead_letters import ConsumedRecord

_json: Final = msgspec.json.Encoder()
_DIGEST_BYTES: Final = 16

SessionKey = tuple[str, str, str, str, datetime]


def digest(document: bytes) -> bytes:
    """Stand in for a document that is too many to keep."""
    return hashlib.blake2b(document, digest_size=_DIGEST_BYTES).digest()


class SessionFacts(NamedTuple):
    """What the row of a session must say."""

    last_seen_at: datetime
    batch_count: int
    event_count: int
    last_verdict_id: UUID
    last_action: str


@dataclass(slots=True)
class Expected:
    """What must be there after the inputs of one domain.

    ``states`` by partition and subject key; ``verdicts`` maps id to the document's digest; ``letters`` are ids of the
    scorer's dead letters; ``batches`` maps the id of each batch to that of its verdict; ``next_offset`` and
    ``event_time`` say by partition how far the inputs go.
    """

    states: dict[tuple[int, bytes], pipeline.SubjectState] = field(default_factory=dict)
    verdicts: dict[UUID, bytes] = field(default_factory=dict)
    sessions: dict[SessionKey, SessionFacts] = field(default_factory=dict)
    letters: set[UUID] = field(default_factory=set)
    batches: dict[UUID, UUID] = field(default_factory=dict)
    next_offset: dict[int, int] = field(default_factory=dict)
    event_time: dict[int, datetime] = field(default_factory=dict)


class Replay:
    """Folds inputs as they come, partition by partition in order of offset.

    Parameters
    ----------
    judge
        The pure core.
    """

    def __init__(self, judge: PipelineJudge) -> None:
        self._judge = judge
        self.expected = Expected()

    def add(self, source: Source, records: Iterable[ConsumedRecord]) -> None:
        """Fold the next inputs of a partition."""
        for record in records:
            self.expected.next_offset[source.partition] = record.offset + 1
            self._fold(source, record)

    def _fold(self, source: Source, record: ConsumedRecord) -> None:
        expected = self.expected
        try:
            stamp, item = admit(record, source)
        except Refused:
            expected.letters.add(dead_letter_id("scorer", source.topic, source.partition, record.offset))
            return
        place = source.partition, record.key or b""
        folded = self._judge.fold(expected.states.get(place), item)
        expected.states[place] = folded.state
        newest = expected.event_time.get(source.partition, EPOCH)
        expected.event_time[source.partition] = max(newest, stamp.received_at)
        if folded.verdict is not None:
            self._note(folded.verdict)

    def _note(self, verdict: Verdict) -> None:
        self.expected.verdicts[verdict.verdict_id] = digest(_json.encode(verdict))
        self.expected.batches[verdict.batch_id] = verdict.verdict_id
        subject, session = verdict.subject, verdict.session
        key = verdict.tenant_id, str(verdict.domain), str(subject.type), subject.id, session.started_at
        self.expected.sessions[key] = SessionFacts(
            session.last_seen_at, session.batch_count, session.event_count, verdict.verdict_id, verdict.action
        )
