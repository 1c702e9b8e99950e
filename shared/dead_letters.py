"""Dead letters of Kafka records: bounded, and the same for the same record, whoever writes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from shared.contracts.dead_letter import DeadLetter, DeadLetterReason, Stage, dead_letter_id

# In JSON a letter is a third larger than its bytes, and it must still fit into one record batch.
MAX_PAYLOAD_BYTES: Final = 4_194_304
MAX_KEY_BYTES: Final = 4_096
MAX_HEADERS: Final = 64
MAX_HEADER_CHARS: Final = 1_024
CUT: Final = "; key or payload cut, read its "  # stands in the detail of a letter that holds less than the message
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999  # the last a datetime can hold


class ConsumedRecord(Protocol):
    """The part of a consumed Kafka record that is read; aiokafka's ``ConsumerRecord`` is one."""

    @property
    def offset(self) -> int:
        """Place in the partition."""

    @property
    def timestamp(self) -> int:
        """When it was written, in milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value; None in a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""


def write_letter(
    stage: Stage, topic: str, partition: int, record: ConsumedRecord, reason: DeadLetterReason, detail: str
) -> DeadLetter:
    """Write the dead letter of a record, with whatever of its headers can be understood.

    Parameters
    ----------
    topic, partition
        Where the record stood; the topic's name on the broker.
    detail
        One sentence for a person; must hold no payload.
    """
    headers = [(str(name), value) for name, value in record.headers if isinstance(value, bytes)]
    known = dict(headers)
    payload = record.value or b""
    if len(payload) > MAX_PAYLOAD_BYTES or len(record.key or b"") > MAX_KEY_BYTES:
        detail = f"{detail}{CUT}{len(payload)} bytes at its source"
    return DeadLetter(
        dead_letter_id=dead_letter_id(stage, topic, partition, record.offset),
        stage=stage,
        reason=reason,
        detail=detail,
        source_topic=topic,
        source_partition=partition,
        source_offset=record.offset,
        source_timestamp=_EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LAST_MS)),
        tenant_id=_text(known.get("ce_tenantid")),
        batch_id=_uuid(known.get("ce_id")),
        traceparent=_text(known.get("ce_traceparent")),
        key=record.key[:MAX_KEY_BYTES] if record.key is not None else None,
        headers={
            name[:MAX_HEADER_CHARS]: value.decode("utf-8", "backslashreplace")[:MAX_HEADER_CHARS]
            for name, value in headers[:MAX_HEADERS]
        },
        payload=payload[:MAX_PAYLOAD_BYTES],
    )


def letter_key(letter: DeadLetter) -> bytes:
    """Give the Kafka key of a letter: a second copy has the same."""
    return str(letter.dead_letter_id).encode()


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace")[:MAX_HEADER_CHARS] if value is not None else None


def _uuid(value: bytes | None) -> UUID | None:
    try:
        return UUID(value.decode("ascii")) if value is not None else None
    except ValueError:
        return None
