"""What may be folded: a record with a gateway's headers, a batch of the contract, and the key of its subject."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from services.scorer.stream.ports import Admitted, SourceRecord
from shared.cloudevents import BatchHeaders, HeaderError, read_batch_headers
from shared.contracts.base import ContractError
from shared.contracts.batch import decode_batch, domain_of
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason, dead_letter_id
from shared.topics import Domain, partition_key

# In JSON a letter is a third larger than its payload, and it must still fit into one record batch.
MAX_LETTER_PAYLOAD_BYTES: Final = 4_194_304
MAX_LETTER_KEY_BYTES: Final = 4_096
MAX_LETTER_HEADERS: Final = 64
MAX_LETTER_HEADER_CHARS: Final = 1_024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Source(NamedTuple):
    """Where inputs come from. ``topic`` is the topic's name on the broker."""

    domain: Domain
    topic: str
    partition: int


class Refused(Exception):
    """A record that cannot be folded: write a dead letter and go on."""

    def __init__(self, reason: DeadLetterReason, detail: str, stamp: BatchHeaders | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.stamp = stamp


def admit(record: SourceRecord, source: Source) -> tuple[BatchHeaders, Admitted]:
    """Check and decode a record.

    Raises
    ------
    Refused
        It is not what a gateway writes to this topic.
    """
    try:
        stamp = read_batch_headers(record.headers)
    except HeaderError as error:
        raise Refused(DeadLetterReason.MISSING_HEADER, str(error)) from None
    try:
        batch = decode_batch(record.value or b"")
    except ContractError as error:
        undecodable = error.code == "malformed_json"
        reason = DeadLetterReason.UNDECODABLE if undecodable else DeadLetterReason.CONTRACT_VIOLATION
        raise Refused(reason, str(error), stamp) from None
    if batch.batch_id != stamp.batch_id or not stamp.domain == source.domain == domain_of(batch):
        raise Refused(DeadLetterReason.CONTRACT_VIOLATION, "headers, batch and topic do not belong together", stamp)
    if record.key != partition_key(stamp.tenant_id, batch.subject.type, batch.subject.id):
        raise Refused(DeadLetterReason.WRONG_KEY, "the key is not the one of tenant and subject", stamp)
    return stamp, Admitted(stamp.tenant_id, stamp.domain, stamp.received_at, stamp.clock_skew_ms, batch)


def dead_letter(record: SourceRecord, source: Source, refusal: Refused) -> DeadLetter:
    """Write down a refused record. The same record gives the same letter again."""
    key, payload, stamp = record.key, record.value or b"", refusal.stamp
    cut = len(payload) > MAX_LETTER_PAYLOAD_BYTES or len(key or b"") > MAX_LETTER_KEY_BYTES
    detail = f"{refusal.detail} (key or payload cut, {len(payload)} bytes of payload)" if cut else refusal.detail
    return DeadLetter(
        dead_letter_id=dead_letter_id("scorer", source.topic, source.partition, record.offset),
        stage="scorer",
        reason=refusal.reason,
        detail=detail,
        source_topic=source.topic,
        source_partition=source.partition,
        source_offset=record.offset,
        source_timestamp=_EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), 2**47)),
        tenant_id=stamp.tenant_id if stamp is not None else None,
        batch_id=stamp.batch_id if stamp is not None else None,
        traceparent=stamp.traceparent if stamp is not None else None,
        key=key[:MAX_LETTER_KEY_BYTES] if key is not None else None,
        headers={
            name[:MAX_LETTER_HEADER_CHARS]: (value or b"")[:MAX_LETTER_HEADER_CHARS].decode("utf-8", "replace")
            for name, value in list(record.headers)[:MAX_LETTER_HEADERS]
        },
        payload=payload[:MAX_LETTER_PAYLOAD_BYTES],
    )
