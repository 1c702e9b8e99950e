"""A judge that counts: its state says exactly which batches were folded, so that a lost or doubled one shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from services.scorer.stream.ports import Admitted
from shared.contracts.batch import event_count
from shared.contracts.verdict import SessionFacts, Verdict, VerdictSubject, Versions, verdict_id

IDLE = timedelta(minutes=30)
REMEMBERED = 64


class CountState(msgspec.Struct, frozen=True):
    """How often, in which order, and what last."""

    count: int
    digest: int
    last_seen_at: datetime
    recent: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Counted:
    state: CountState
    verdict: Verdict | None
    duplicate: bool


class CountingJudge:
    """Folds by counting. ``padding`` makes states bigger."""

    def __init__(self, padding: int = 0) -> None:
        self._padding = b" " * padding

    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        batch_id = str(item.batch.batch_id)
        if state is not None and batch_id in state.recent:
            return Counted(state, None, duplicate=True)
        if state is not None and self.is_expired(state, item.received_at):
            state = None
        count = state.count + 1 if state is not None else 1
        digest = hash((state.digest if state is not None else 0, item.batch.batch_id.int)) & 0xFFFFFFFF
        verdict = _verdict(item, count)
        recent = (*(state.recent if state is not None else ()), batch_id)[-REMEMBERED:]
        return Counted(CountState(count, digest, item.received_at, recent, verdict), verdict, duplicate=False)

    def encode(self, state: CountState) -> bytes:
        return msgspec.json.encode(state) + self._padding

    def decode(self, data: bytes) -> CountState:
        return msgspec.json.decode(data, type=CountState)

    def is_expired(self, state: CountState, now: datetime) -> bool:
        return now - state.last_seen_at > IDLE

    def last_verdict(self, state: CountState) -> Verdict | None:
        return state.verdict


def _verdict(item: Admitted, count: int) -> Verdict:
    batch = item.batch
    events = event_count(batch)
    return Verdict(
        verdict_id=verdict_id(item.tenant_id, batch.batch_id),
        batch_id=batch.batch_id,
        tenant_id=item.tenant_id,
        domain=item.domain,
        subject=VerdictSubject(batch.subject.type, batch.subject.id),
        action="ALLOW",
        label="undecided",
        risk_score=0.0,
        trust_score=100,
        confidence=0.0,
        reasons=[],
        unknown_rules=[],
        versions=Versions("test", "test", "test"),
        event_count=events,
        session=SessionFacts(item.received_at, item.received_at, count, events),
        occurred_at=item.received_at,
        received_at=item.received_at,
    )
