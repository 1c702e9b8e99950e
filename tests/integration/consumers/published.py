"""Verdicts on a topic as the scorer publishes them, and what is no verdict."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaProducer

from shared.cloudevents import Headers
from shared.contracts.verdict import Reason, Verdict
from tests.unit.persister.records import key_of, verdict_headers_of, verdict_of

TENANTS = ("acme", "globex")
SUBJECTS = 37


@dataclass(frozen=True)
class Message:
    """One record to write. ``fault`` is what a consumer must say of it; None when it can be read."""

    key: bytes
    value: bytes | None
    headers: Headers
    verdict_id: str
    fault: str | None = None


@dataclass(frozen=True)
class Written:
    """One record that is on the broker."""

    message: Message
    partition: int
    offset: int


@dataclass(frozen=True)
class Action:
    """What a consumer must have done for a verdict: its row, without the id."""

    tenant_id: str
    subject: str
    action: str
    risk_score: float
    top_reason: str | None


def numbered(number: int) -> tuple[Verdict, Action]:
    """Give verdict ``number``, and what must come of it."""
    tenant, subject = TENANTS[number % 2], f"s-{number % SUBJECTS}"
    batch = UUID(int=0x01936F2E_0000_7000_8000_000000000000 + number)
    verdict = verdict_of(batch, tenant_id=tenant, subject_id=subject, batch_count=1 + number // SUBJECTS)
    if number % 3 == 0:
        allowed = msgspec.structs.replace(
            verdict, action="ALLOW", label="human", risk_score=0.0, trust_score=100, reasons=[]
        )
        return allowed, Action(tenant, f"session/{subject}", "ALLOW", 0.0, None)
    reasons = [
        Reason("PATHS_STRAIGHT", 0.25, "Straight paths.", {"share": 0.9}),
        Reason("WEBDRIVER_ACTIVE", 0.5, "A driver.", {"webdriver": True}),
        Reason("STEPS_EVEN", 0.125, "Even steps.", {"steps": 40}),
    ]
    blocked = msgspec.structs.replace(
        verdict, action="BLOCK", label="bot", risk_score=0.875, trust_score=13, reasons=reasons
    )
    return blocked, Action(tenant, f"session/{subject}", "BLOCK", 0.875, "WEBDRIVER_ACTIVE")


def message_of(verdict: Verdict) -> Message:
    """Give its record."""
    return Message(key_of(verdict), msgspec.json.encode(verdict), verdict_headers_of(verdict), str(verdict.verdict_id))


def of_a_later_version(verdict: Verdict) -> Message:
    """Give its record with fields nobody knows yet, at every level, and one more header."""
    document = json.loads(msgspec.json.encode(verdict))
    document["queue"] = {"name": "manual", "rank": 3}
    document["subject"]["alias"] = ["a", None]
    for reason in document["reasons"]:
        reason["severity"] = "high"
    headers = [*verdict_headers_of(verdict), ("ce_shard", b"7")]
    return Message(key_of(verdict), json.dumps(document).encode(), headers, str(verdict.verdict_id))


_NO_VERDICT = "the value is not a verdict of version 1"
_DEPTH = 100_000  # deeper than any of the decoders goes


def unreadable(verdict: Verdict) -> list[Message]:
    """Give records that a consumer must tell of and not act on, each made from this verdict."""
    value, headers = msgspec.json.encode(verdict), verdict_headers_of(verdict)

    def edited(edit: Callable[[dict[str, Any]], Any]) -> bytes:
        document = json.loads(value)
        edit(document)
        return json.dumps(document).encode()

    def headed(name: str, text: bytes) -> Headers:
        return [(known, text if known == name else old) for known, old in headers]

    cases: list[tuple[bytes | None, Headers, str]] = [
        (value, [], "ce_specversion is not 1.0"),
        (value, headed("ce_specversion", b"2.0"), "ce_specversion is not 1.0"),
        (value, headed("ce_type", b"telltale.verdict.v2"), "ce_type is not telltale.verdict.v1"),
        (value, headed("ce_tenantid", b"another"), "ce_tenantid is not the verdict's tenant"),
        (value[:-1], headers, _NO_VERDICT),
        (value + b"{}", headers, _NO_VERDICT),
        (b"\xff\xfe", headers, _NO_VERDICT),
        (value.replace(b'"s-', b'"s-\xff', 1), headers, _NO_VERDICT),
        (value[:-1] + b',"queue":' + _DEPTH * b"[" + _DEPTH * b"]" + b"}", headers, _NO_VERDICT),
        (b"null", headers, _NO_VERDICT),
        (b"", headers, _NO_VERDICT),
        (None, headers, _NO_VERDICT),
        (edited(lambda document: document.pop("risk_score")), headers, _NO_VERDICT),
        (edited(lambda document: document.pop("reasons")), headers, _NO_VERDICT),
        (edited(lambda document: document.update(risk_score="0.5")), headers, _NO_VERDICT),
        (edited(lambda document: document.update(action="DESTROY")), headers, _NO_VERDICT),
        (edited(lambda document: document.update(verdict_id="7")), headers, _NO_VERDICT),
        (edited(lambda document: document.update(reasons=[None])), headers, _NO_VERDICT),
        (edited(lambda document: document["subject"].pop("id")), headers, _NO_VERDICT),
    ]
    return [Message(key_of(verdict), value, headers, str(verdict.verdict_id), fault) for value, headers, fault in cases]


async def write(bootstrap: str, topic: str, messages: Iterable[Message]) -> list[Written]:
    """Write them in order, and give where they stand."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        messages = list(messages)
        sent = [await producer.send(topic, one.value, key=one.key, headers=one.headers) for one in messages]
        places = await asyncio.gather(*sent)
    return [Written(message, place.partition, place.offset) for message, place in zip(messages, places, strict=True)]
