"""What may be folded: a record with a gateway's headers, a batch of the contract, and the key of its subject."""

from typing import NamedTuple

from services.scorer.stream.ports import Admitted
from shared.cloudevents import BatchHeaders, HeaderError, read_batch_headers
from shared.contracts.base import ContractError
from shared.contracts.batch import decode_batch, domain_of
from shared.contracts.dead_letter import DeadLetter, DeadLetterReason
from shared.dead_letters import ConsumedRecord, write_letter
from shared.topics import Domain, partition_key


class Source(NamedTuple):
    """Where inputs come from. ``topic`` is the topic's name on the broker."""

    domain: Domain
    topic: str
    partition: int


class Refused(Exception):
    """A record that cannot be folded: write a dead letter and go on."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def admit(record: ConsumedRecord, source: Source) -> tuple[BatchHeaders, Admitted]:
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
        raise Refused(reason, str(error)) from None
    if batch.batch_id != stamp.batch_id or not stamp.domain == source.domain == domain_of(batch):
        raise Refused(DeadLetterReason.CONTRACT_VIOLATION, "headers, batch and topic do not belong together")
    if record.key != partition_key(stamp.tenant_id, batch.subject.type, batch.subject.id):
        raise Refused(DeadLetterReason.WRONG_KEY, "the key is not the one of tenant and subject")
    return stamp, Admitted(stamp.tenant_id, stamp.domain, stamp.received_at, stamp.clock_skew_ms, batch)


def dead_letter(record: ConsumedRecord, source: Source, refusal: Refused) -> DeadLetter:
    """Write down a refused record. The same record gives the same letter again."""
    return write_letter("scorer", source.topic, source.partition, record, refusal.reason, refusal.detail)
