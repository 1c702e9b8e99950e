"""Records as a gateway writes them."""

import uuid
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from shared.cloudevents import BatchHeaders, batch_headers
from shared.topics import Domain, partition_key

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
TENANT = "acme"
_NAMESPACE = uuid.UUID(int=7)


class Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Input(NamedTuple):
    """What a gateway hands to Kafka."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    def at(self, offset: int) -> Record:
        return Record(offset, 1_767_355_200_000, self.key, self.value, tuple(self.headers))


def batch_id(number: int) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, str(number))


def behavior(
    number: int,
    subject: str = "s1",
    *,
    received_at: datetime = NOON,
    reply_to: str | None = None,
    events: int = 1,
    tenant: str = TENANT,
) -> Input:
    """Make one numbered batch."""
    identity = batch_id(number)
    moves = [{"type": "pointer.move", "occurred_at": received_at, "x": i, "y": i} for i in range(events)]
    body = {
        "batch_id": identity,
        "domain": "behavior",
        "subject": {"type": "session", "id": subject},
        "events": moves,
    }
    stamp = BatchHeaders(
        identity, tenant, Domain.BEHAVIOR, f"session/{subject}", received_at, events, 0,
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", reply_to,
    )  # fmt: skip
    return Input(partition_key(tenant, "session", subject), msgspec.json.encode(body), batch_headers(stamp))
