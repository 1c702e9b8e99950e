"""A light judge: six thresholds over running sums. What the stream costs shows beside it."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from services.scorer.stream.ports import Admitted
from shared.contracts.batch import event_count
from shared.contracts.behavior import PointerMove
from shared.contracts.verdict import Reason, SessionFacts, Verdict, VerdictSubject, Versions, verdict_id

_IDLE: Final = timedelta(minutes=30)
_VERSIONS: Final = Versions("light", "light", "light")


class LightState(msgspec.Struct, frozen=True, array_like=True):
    """Running sums over a subject's pointer path."""

    batches: int
    events: int
    path_px: float
    across_px: float
    down_px: float
    still: int
    turns: int
    untrusted: int
    last_seen_at: datetime


class LightFolded(NamedTuple):
    """What a fold gives."""

    state: LightState
    verdict: Verdict
    duplicate: bool = False


_NEW: Final = LightState(0, 0, 0.0, 0.0, 0.0, 0, 0, 0, datetime.min)
# name, bound: a threshold is crossed when the figure is above its bound
_THRESHOLDS: Final = (
    ("PATH_LONG", 1e9),
    ("STRAIGHT", 0.999),
    ("SLANTED", 1e6),
    ("STILL", 0.9),
    ("TURNING", 0.9),
    ("UNTRUSTED", 0.5),
)


class LightJudge:
    """Judges pointer moves only; remembers no batch ids."""

    def __init__(self) -> None:
        self.encode = msgspec.msgpack.Encoder().encode
        self.decode = msgspec.msgpack.Decoder(LightState).decode

    def fold(self, state: LightState | None, item: Admitted) -> LightFolded:
        """See `Judge`."""
        folded = _add(state or _NEW, item)
        return LightFolded(folded, _verdict(folded, item))

    def is_expired(self, state: LightState, now: datetime) -> bool:
        """See `Judge`."""
        return now - state.last_seen_at > _IDLE

    def last_verdict(self, state: LightState) -> Verdict | None:
        """See `Judge`."""
        return None


def _add(state: LightState, item: Admitted) -> LightState:
    path = across = down = before_dx = x = y = 0.0
    still = turns = untrusted = 0
    for number, event in enumerate(item.batch.events):
        if type(event) is not PointerMove:
            continue
        dx, dy = (event.x - x, event.y - y) if number else (0.0, 0.0)
        path += abs(dx) + abs(dy)
        across += dx
        down += dy
        still += dx == dy == 0
        turns += dx * before_dx < 0
        untrusted += event.trusted is False
        x, y, before_dx = event.x, event.y, dx
    return LightState(
        state.batches + 1,
        state.events + event_count(item.batch),
        state.path_px + path,
        state.across_px + across,
        state.down_px + down,
        state.still + still,
        state.turns + turns,
        state.untrusted + untrusted,
        item.received_at,
    )


def _verdict(state: LightState, item: Admitted) -> Verdict:
    share = 1 / state.events
    figures = (
        state.path_px,
        (abs(state.across_px) + abs(state.down_px)) / (state.path_px or 1.0),
        abs(state.across_px - state.down_px),
        state.still * share,
        state.turns * share,
        state.untrusted * share,
    )
    reasons = [
        Reason(name, 0.2, "A figure is above its bound.", {"figure": figure, "bound": bound})
        for (name, bound), figure in zip(_THRESHOLDS, figures, strict=True)
        if figure > bound
    ]
    batch = item.batch
    return Verdict(
        verdict_id=verdict_id(item.tenant_id, batch.batch_id),
        batch_id=batch.batch_id,
        tenant_id=item.tenant_id,
        domain=item.domain,
        subject=VerdictSubject(batch.subject.type, batch.subject.id),
        action="REVIEW" if len(reasons) > 1 else "ALLOW",
        label="suspicious" if len(reasons) > 1 else "undecided",
        risk_score=0.2 * len(reasons),
        trust_score=100 - 16 * len(reasons),
        confidence=0.5,
        reasons=reasons,
        unknown_rules=[],
        versions=_VERSIONS,
        event_count=event_count(batch),
        session=SessionFacts(item.received_at, item.received_at, state.batches, state.events),
        occurred_at=item.received_at,
        received_at=item.received_at,
    )
