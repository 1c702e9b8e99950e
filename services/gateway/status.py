"""A batch's delivery receipt, from what the database and this process know. Pure."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from services.gateway.ports import StoredReceipt
from services.gateway.recent import Accepted

Status = Literal["accepted", "scored", "persisted", "rejected"]


class RejectionView(msgspec.Struct, frozen=True):
    """Why the batch (stage ``persister``) or its verdict (stage ``scorer``) went no further."""

    stage: str
    reason: str
    detail: str
    at: datetime


class BatchReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a batch is. ``scored`` and ``persisted`` are independent facts; ``status`` is the furthest one."""

    batch_id: UUID
    status: Status
    scored: bool
    persisted: bool
    domain: str | None
    subject: str | None
    events: int | None
    received_at: datetime | None
    scored_at: datetime | None
    persisted_at: datetime | None
    verdict_id: UUID | None
    rejections: list[RejectionView]


def batch_receipt(batch_id: UUID, stored: StoredReceipt | None, accepted: Accepted | None) -> BatchReceipt | None:
    """Put together what is known; None when nothing is."""
    if stored is None and accepted is None:
        return None
    known = stored or StoredReceipt()
    return BatchReceipt(
        batch_id=batch_id,
        status=_status(known),
        scored=known.scored_at is not None,
        persisted=known.persisted_at is not None,
        domain=known.domain or (accepted.domain if accepted else None),
        subject=known.subject or (accepted.subject if accepted else None),
        events=known.events if known.events is not None else (accepted.events if accepted else None),
        received_at=known.received_at or (accepted.received_at if accepted else None),
        scored_at=known.scored_at,
        persisted_at=known.persisted_at,
        verdict_id=known.verdict_id,
        rejections=[RejectionView(r.stage, r.reason, r.detail, r.at) for r in known.rejections],
    )


def _status(known: StoredReceipt) -> Status:
    if known.persisted_at is not None:
        return "persisted"
    # Only a batch whose own row could not be stored is rejected; without a verdict it is still kept.
    if any(rejection.stage == "persister" for rejection in known.rejections):
        return "rejected"
    return "scored" if known.scored_at is not None else "accepted"
