"""CloudEvents 1.0 over Kafka in binary mode: attributes as ``ce_`` headers, the data as the record's value.

Source: CloudEvents specification 1.0.2 and its Kafka protocol binding.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from shared.contracts.dead_letter import DeadLetter
from shared.contracts.verdict import Verdict
from shared.topics import Domain
from shared.uuids import parse_uuid, uuid_text

Headers = list[tuple[str, bytes]]

# On a record that was sent on again by an operator: the id of the dead letter it was. Services pass over it.
REDRIVE_OF: Final = "ce_redriveof"

_JSON: Final = ("content-type", b"application/json")
_SPEC: Final = ("ce_specversion", b"1.0")
_GATEWAY: Final = ("ce_source", b"/telltale/gateway")
_SCORER: Final = ("ce_source", b"/telltale/scorer")
_EVENT_TYPE: Final = {domain: ("ce_type", f"telltale.events.{domain}.v1".encode()) for domain in Domain}
_VERDICT_TYPE: Final = ("ce_type", b"telltale.verdict.v1")
_DEAD_LETTER_TYPE: Final = ("ce_type", b"telltale.dead-letter.v1")


class HeaderError(ValueError):
    """A record's headers are not those of a Telltale CloudEvent: drop it (dead letter)."""


class BatchHeaders(msgspec.Struct, frozen=True):
    """What the gateway stamps on a batch; the value beside it is the client's own bytes.

    ``reply_to`` names the Redis channel of a waiting gateway, when there is one.
    """

    batch_id: UUID
    tenant_id: str
    domain: Domain
    subject: str  # type/id
    received_at: datetime
    event_count: int
    clock_skew_ms: int
    traceparent: str
    reply_to: str | None = None


def batch_headers(stamp: BatchHeaders) -> Headers:
    """Write a batch's stamp as Kafka headers."""
    headers = [
        _SPEC,
        _GATEWAY,
        _EVENT_TYPE[stamp.domain],
        ("ce_id", uuid_text(stamp.batch_id)),
        ("ce_subject", stamp.subject.encode()),
        ("ce_time", rfc3339(stamp.received_at)),
        _JSON,
        ("ce_tenantid", stamp.tenant_id.encode()),
        ("ce_eventcount", b"%d" % stamp.event_count),
        ("ce_clockskewms", b"%d" % stamp.clock_skew_ms),
        ("ce_traceparent", stamp.traceparent.encode()),
    ]
    if stamp.reply_to is not None:
        headers.append(("ce_replyto", stamp.reply_to.encode()))
    return headers


def read_batch_headers(headers: Iterable[tuple[str, bytes]]) -> BatchHeaders:
    """Read a batch's stamp back.

    Raises
    ------
    HeaderError
        When an attribute is missing or malformed.
    """
    found = dict(headers)
    try:
        reply_to = found.get("ce_replyto")
        return BatchHeaders(
            parse_uuid(found["ce_id"]),
            found["ce_tenantid"].decode("ascii"),
            _DOMAIN_BY_TYPE[found["ce_type"]],
            found["ce_subject"].decode(),
            parse_rfc3339(found["ce_time"]),
            int(found["ce_eventcount"]),
            int(found["ce_clockskewms"]),
            found["ce_traceparent"].decode("ascii"),
            reply_to.decode("ascii") if reply_to is not None else None,
        )
    except KeyError as error:
        raise HeaderError(f"header {error.args[0]!r} is missing or unknown") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise HeaderError(f"malformed header: {type(error).__name__}") from None


def verdict_headers(verdict: Verdict, *, scored_at: datetime, traceparent: str, source: tuple[str, int]) -> Headers:
    """Write a verdict's attributes; ``source`` is the topic and offset of the batch it judges."""
    return [
        _SPEC,
        _SCORER,
        _VERDICT_TYPE,
        ("ce_id", uuid_text(verdict.verdict_id)),
        ("ce_subject", f"{verdict.subject.type}/{verdict.subject.id}".encode()),
        ("ce_time", rfc3339(scored_at)),
        _JSON,
        ("ce_tenantid", verdict.tenant_id.encode()),
        ("ce_traceparent", traceparent.encode()),
        ("ce_sourcetopic", source[0].encode()),
        ("ce_sourceoffset", b"%d" % source[1]),
    ]


def dead_letter_headers(letter: DeadLetter, *, rejected_at: datetime) -> Headers:
    """Write a dead letter's attributes."""
    headers = [
        _SPEC,
        ("ce_source", f"/telltale/{letter.stage}".encode()),
        _DEAD_LETTER_TYPE,
        ("ce_id", str(letter.dead_letter_id).encode()),
        ("ce_time", rfc3339(rejected_at)),
        _JSON,
    ]
    if letter.tenant_id is not None:
        headers.append(("ce_tenantid", letter.tenant_id.encode()))
    if letter.traceparent is not None:
        headers.append(("ce_traceparent", letter.traceparent.encode()))
    return headers


def rfc3339(time: datetime) -> bytes:
    """Write a UTC time with microseconds."""
    if time.tzinfo is UTC and time.microsecond:
        return _encode(time)[1:-1]  # a tenth of the time
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()


def parse_rfc3339(text: bytes) -> datetime:
    """Read an RFC 3339 time with a zone.

    Raises
    ------
    ValueError
        When it is none.
    """
    time = datetime.fromisoformat(text.decode("ascii"))
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time


_encode: Final = msgspec.json.Encoder().encode
_DOMAIN_BY_TYPE: Final = {header[1]: domain for domain, header in _EVENT_TYPE.items()}
