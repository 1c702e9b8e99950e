"""Names of what the scorer leaves in Redis. Redis is a convenience: nothing is lost when it is."""

from typing import Final
from uuid import UUID

LATEST_VERDICT_TTL_S: Final = 86_400
BATCH_VERDICT_TTL_S: Final = 300


def latest_verdict(tenant_id: str, subject_type: str, subject_id: str) -> str:
    """Name the key of a subject's latest verdict (JSON)."""
    return f"telltale:verdict:{tenant_id}:{subject_type}/{subject_id}"


def batch_verdict(tenant_id: str, batch_id: UUID) -> str:
    """Name the key of the verdict a caller waited for, so that a retry gets the same answer."""
    return f"telltale:batch:{tenant_id}:{batch_id}"


def reply_channel(gateway_id: str) -> str:
    """Name the channel on which one gateway instance hears verdicts that its callers wait for."""
    return f"telltale:replies:{gateway_id}"
