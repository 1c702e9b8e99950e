"""Dead letter v1: a message that could not go on, with a typed reason and its original bytes."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID, uuid5

import msgspec

_NAMESPACE: Final = UUID("0d7a9f33-3f0f-5a4e-8e7f-2f6f4f1d9a42")

Stage = Literal["scorer", "persister"]


class DeadLetterReason(StrEnum):
    """Why a message went no further."""

    MISSING_HEADER = "missing_header"  # no valid CloudEvents headers: not written by a gateway
    UNDECODABLE = "undecodable"  # no JSON
    CONTRACT_VIOLATION = "contract_violation"  # JSON, but not of the contract
    WRONG_KEY = "wrong_key"  # the record's key is not the one of its tenant and subject
    FOLD_FAILED = "fold_failed"  # the pure core raised on it, ended the process or hung; the detail tells which
    ROW_REFUSED = "row_refused"  # PostgreSQL refused the row
    BATCH_ID_CONFLICT = "batch_id_conflict"  # another subject's batch has this id


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One message that could not go on.

    ``dead_letter_id`` is derived from stage and source, so that a second copy is the same letter. ``payload`` and
    ``key`` are the original bytes (base64 in JSON); ``headers`` the original headers, as text.
    """

    dead_letter_id: UUID
    stage: Stage
    reason: DeadLetterReason
    detail: str
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp: datetime
    tenant_id: str | None = None
    batch_id: UUID | None = None
    traceparent: str | None = None
    key: bytes | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    payload: bytes = b""


def dead_letter_id(stage: Stage, topic: str, partition: int, offset: int) -> UUID:
    """Derive the letter's id from where the message stood."""
    return uuid5(_NAMESPACE, f"{stage}/{topic}/{partition}/{offset}")
