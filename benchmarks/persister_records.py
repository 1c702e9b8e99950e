"""What the gateway and the scorer write, made fast: batches of 50 events (5.7 KB) and their verdicts, as they look."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
import uuid_utils.compat as uuid_utils

from shared.cloudevents import BatchHeaders, Headers, batch_headers, verdict_headers
from shared.contracts.verdict import Reason, SessionFacts, Verdict, VerdictSubject, Versions, verdict_id
from shared.topics import Domain, events_topic, partition_key

EVENTS_A_BATCH: Final = 50
_TENANTS: Final = tuple(f"bench-{number}" for number in range(8))
_ACTIONS: Final = ("ALLOW", "ALLOW", "ALLOW", "CHALLENGE", "REVIEW", "BLOCK")
_LABELS: Final = {"ALLOW": "human", "CHALLENGE": "suspicious", "REVIEW": "suspicious", "BLOCK": "bot"}
_CODES: Final = ("STRAIGHT_PATHS", "EVEN_STEPS", "EVEN_KEY_INTERVALS", "UNTRUSTED_INPUT")


class Made(NamedTuple):
    """A record without a place: key, value, headers."""

    key: bytes
    value: bytes
    headers: Headers


def batches_and_verdicts(count: int, *, sessions: int, received_at: datetime) -> Iterator[tuple[int, Made, Made]]:
    """Make batches and their verdicts; the first number tells which session, and so which partition."""
    for number in range(count):
        session, tenant_id = number % sessions, _TENANTS[number % sessions % len(_TENANTS)]
        subject, batch_id = f"session-{session}", uuid_utils.uuid7()
        at = received_at + timedelta(microseconds=250 * number)
        stamp = BatchHeaders(
            batch_id, tenant_id, Domain.BEHAVIOR, f"session/{subject}", at, EVENTS_A_BATCH, 3,
            f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01",
        )  # fmt: skip
        key = partition_key(tenant_id, "session", subject)
        batch = Made(key, _payload(stamp, subject, number), batch_headers(stamp))
        verdict = _verdict(stamp, subject, received_at, 1 + number // sessions, number)
        source = (events_topic(Domain.BEHAVIOR), number)
        headers = verdict_headers(
            verdict, scored_at=at + timedelta(milliseconds=4), traceparent=stamp.traceparent, source=source
        )
        yield session, batch, Made(key, msgspec.json.encode(verdict), headers)


def _payload(stamp: BatchHeaders, subject: str, number: int) -> bytes:
    started = stamp.received_at.astimezone(UTC) - timedelta(seconds=1)
    events = [
        {
            "type": "pointer.move",
            "occurred_at": (started + timedelta(milliseconds=16 * step)).isoformat(timespec="microseconds"),
            "x": (200 + step * (number % 13)) % 1_920 + 0.25,
            "y": (120 + step * step + number) % 1_080 + 0.75,
            "trusted": True,
        }
        for step in range(EVENTS_A_BATCH)
    ]
    return msgspec.json.encode(
        {
            "batch_id": stamp.batch_id,
            "domain": stamp.domain,
            "subject": {"type": "session", "id": subject},
            "events": events,
        }
    )


def _verdict(stamp: BatchHeaders, subject: str, started_at: datetime, batch_count: int, number: int) -> Verdict:
    action = _ACTIONS[number % len(_ACTIONS)]
    codes = _CODES[: 0 if action == "ALLOW" else 1 + number % 3]
    at = stamp.received_at
    return Verdict(
        verdict_id=verdict_id(stamp.tenant_id, stamp.batch_id), batch_id=stamp.batch_id, tenant_id=stamp.tenant_id,
        domain=stamp.domain, subject=VerdictSubject("session", subject), action=action,  # type: ignore[arg-type]
        label=_LABELS[action], risk_score=0.21 * len(codes), trust_score=100 - 21 * len(codes),  # type: ignore[arg-type]
        confidence=0.75,
        reasons=[
            Reason(code, 0.21, "The pointer's path is straighter than a hand's.", {"share": 0.98, "samples": number})
            for code in codes
        ],
        unknown_rules=["key_intervals_short", "key_intervals_even", "untrusted_input"],
        versions=Versions("1.0.0", "1.0.0", "1.0.0"), event_count=EVENTS_A_BATCH,
        session=SessionFacts(started_at, at, batch_count, batch_count * EVENTS_A_BATCH),
        occurred_at=at, received_at=at,
    )  # fmt: skip
