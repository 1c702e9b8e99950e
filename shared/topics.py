"""Every Kafka topic: its name, partitions and retention, in one table."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_DAY_MS: Final = 86_400_000
# A chunk of states leaves in one record batch, because only a record batch is atomic.
MAX_RECORD_BATCH_BYTES: Final = 8_388_608

DEFAULT_PARTITIONS: Final = 4


class Domain(StrEnum):
    """A family of events with its own features and rules."""

    BEHAVIOR = "behavior"
    COMMERCE = "commerce"
    FINANCE = "finance"
    PROJECT = "project"
    FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic as it must be on the broker.

    Parameters
    ----------
    name
        Topic name, without an instance prefix.
    retention_ms
        How long records stay, in milliseconds.
    compacted
        Whether the latest record of each key outlives compaction.
    """

    name: str
    retention_ms: int
    compacted: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    def config(self, replication: int) -> dict[str, str]:
        """Give the broker's configuration of this topic, kept in so many copies.

        ``acks=all`` means that a majority of them has a record, so that losing one broker loses nothing.
        """
        return {
            "cleanup.policy": "compact,delete" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_RECORD_BATCH_BYTES),
            "min.insync.replicas": str(replication // 2 + 1),
        } | self.extra


def events_topic(domain: Domain) -> str:
    """Name the topic of a domain's batches, as the gateway received them."""
    return f"events.{domain}.v1"


def state_topic(domain: Domain) -> str:
    """Name the scorer's own log of subject states for a domain. Not an interface for others."""
    return f"scorer-state.{domain}.v1"


# Compaction leaves the newest segment alone, and a scorer reads the whole log at every assignment.
_SMALL_SEGMENTS: Final = {"segment.bytes": "33554432", "min.cleanable.dirty.ratio": "0.2"}

VERDICTS: Final = "verdicts.v1"
DEAD_LETTERS: Final = "dead-letters.v1"

# Events, verdicts and states share one partition count: a subject's records stay on one partition number throughout.
TOPICS: Final = (
    *(Topic(events_topic(domain), retention_ms=7 * _DAY_MS) for domain in Domain),
    *(
        Topic(state_topic(domain), retention_ms=30 * _DAY_MS, compacted=True, extra=_SMALL_SEGMENTS)
        for domain in Domain
    ),
    Topic(VERDICTS, retention_ms=7 * _DAY_MS),
    Topic(DEAD_LETTERS, retention_ms=30 * _DAY_MS),
)


def partition_key(tenant_id: str, subject_type: str, subject_id: str) -> bytes:
    """Give the Kafka key that keeps a whole subject on one partition: ``tenant:type/id``."""
    return f"{tenant_id}:{subject_type}/{subject_id}".encode()
