"""What each operation of the session API does, once its caller is known."""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from services.gateway.answering import Answer, Request
from services.gateway.batches import Item
from services.gateway.handover import Handover, stamp_of
from services.gateway.ports import ReceiptStore, Replies, StartedSession, StoreUnavailable
from services.gateway.sessions.behaviour import Behaviour, Refusal
from services.gateway.sessions.documents import (
    DataDocument,
    Judged,
    PageReason,
    ResultDocument,
    SessionDocument,
    StatusDocument,
    TrackDocument,
    human_score,
    judged,
    method_of,
    trust_level,
)
from services.gateway.sessions.lifetimes import IDLE, OLDEST, Lifetimes, Thresholds, ended
from services.gateway.sessions.posting import (
    batch_id_of,
    decode_document,
    facts_document,
    make_item,
    redacted,
    refused,
    user_of,
)
from services.gateway.sessions.reading import read_behaviour
from shared import metrics
from shared.contracts.base import Subject
from shared.contracts.verdict import Reason
from shared.problems import STORE_UNAVAILABLE, Problem
from shared.uuids import named_uuid, timed_uuid

_log = logging.getLogger(__name__)
_NAMESPACE: Final = UUID("0d0a6f2c-6d0e-5b61-8f0b-52f1a3b7c9e4")
_MAX_IDEMPOTENCY: Final = 256
_MAX_FACTS_BYTES: Final = 8_192
_RETRY_STORE_S: Final = 2
_RETRY_VERDICT: Final = ((b"retry-after", b"1"),)


NO_SESSION: Final = UUID(int=0)


class Caller(NamedTuple):
    """Whose request it is, when it came, of which session it speaks, and whether it is a page's, whom anybody reads."""

    tenant_id: str
    now: datetime
    session_id: UUID = NO_SESSION
    is_page: bool = False


class _Posted(NamedTuple):
    """A batch on the broker, and its verdict if it came in time."""

    item: Item
    behaviour: Behaviour
    verdict: bytes | None
    processing_time_ms: float


class Handlers:
    """The operations.

    Parameters
    ----------
    handover
        To the broker, and verdicts for those who wait.
    lifetimes, thresholds
        Which sessions are open, and what tenants want.
    replies, store
        Latest verdicts.
    wait_s
        How long an answer waits for its verdict.
    shows_payloads
        Log what was posted: sizes and counts, never a value.
    """

    def __init__(
        self,
        handover: Handover,
        lifetimes: Lifetimes,
        thresholds: Thresholds,
        replies: Replies,
        store: ReceiptStore,
        wait_s: float,
        shows_payloads: bool,
    ) -> None:
        self._handover = handover
        self._lifetimes = lifetimes
        self._thresholds = thresholds
        self._replies = replies
        self._store = store
        self._wait_s = wait_s
        self._shows_payloads = shows_payloads

    async def begin(self, request: Request, caller: Caller) -> Answer:
        """Start a session; device and network facts become its first batch."""
        body = await _read(request)
        document = decode_document(body)
        facts = facts_document(document)
        user_id, _ = user_of(document)
        # Anybody may post a name as a page does: it must not lead to a session that the site's server has named.
        purpose = b"page-session" if caller.is_page else b"session"
        key = _idempotency(request, caller.tenant_id, purpose)
        session_id = key or _new_id(caller.now)
        behaviour = read_behaviour(facts, caller.now)
        self._show(behaviour, len(body), request)
        item = None
        if behaviour.events or behaviour.errors:
            batch_id = named_uuid(_NAMESPACE, session_id.bytes)
            item = make_item(facts, behaviour, batch_id, _session_subject(session_id), caller.now)
        kept = _kept_facts(behaviour)
        session = await self._lifetimes.begin(caller.tenant_id, session_id, user_id, kept, caller.now)
        if item is not None:
            await self._handover.publish([item], stamp_of(caller.tenant_id, caller.now, request.traceparent))
        answer = msgspec.json.encode(SessionDocument(**_about(session_id, session, caller.now)))
        return Answer(201, answer, "begun", ((b"location", b"/api/sessions/%s/status" % str(session_id).encode()),))

    async def take(self, request: Request, caller: Caller) -> Answer:
        """Take behaviour of a session, and answer with the verdict when it comes in time."""
        body = await _read(request)
        started_s = time.perf_counter()
        session = await self._lifetimes.open_one(caller.tenant_id, caller.session_id, caller.now)
        subject = _session_subject(caller.session_id)
        posted = await self._post(request, caller, body, subject, started_s, session)
        found = judged(posted.verdict) if posted.verdict is not None else None
        answer = DataDocument(
            session_id=caller.session_id,
            batch_id=posted.item.batch_id,
            status="judged" if found else "pending",
            is_human=found.trust_score >= session.challenge_threshold if found else None,
            needs_challenge=found.needs_challenge if found else None,
            trust_score=found.trust_score if found else None,
            score=human_score(found.risk_score) if found else None,
            confidence=found.confidence if found else None,
            reasons=_reasons(found, caller) if found else [],
            processing_time_ms=posted.processing_time_ms,
            event_count=posted.item.events,
            ignored_events=posted.behaviour.ignored,
            received_at=caller.now,
            receipt=f"/v1/batches/{posted.item.batch_id}",
            verdict=_whole(posted.verdict, caller),
        )
        return _judged_or_pending(msgspec.json.encode(answer), found)

    async def track(self, request: Request, caller: Caller) -> Answer:
        """Take behaviour of a user, and answer with the trust in that user."""
        body = await _read(request)
        started_s = time.perf_counter()
        document = decode_document(body)
        user_id, place = user_of(document)
        if user_id is None:
            raise refused(Refusal("/userId" if place == "/user_id" else place, "missing", "expected the user's id"))
        posted = await self._post(request, caller, body, Subject(type="customer", id=user_id), started_s)
        found = judged(posted.verdict) if posted.verdict is not None else None
        if found is None:
            pending = TrackDocument(
                success=False,
                trust_score=None,
                trust_level=None,
                needs_captcha=False,
                confidence=0.0,
                reasons=[],
                ai_method="pending",
                batch_id=posted.item.batch_id,
                receipt=f"/v1/batches/{posted.item.batch_id}",
            )
            return _judged_or_pending(msgspec.json.encode(pending), None)
        threshold = await self._thresholds.of(caller.tenant_id)
        answer = TrackDocument(
            success=True,
            trust_score=found.trust_score / 100,
            trust_level=trust_level(found.trust_score),
            needs_captcha=found.trust_score < threshold,
            confidence=found.confidence,
            reasons=found.reasons,
            ai_method=method_of(found.versions),
        )
        return _judged_or_pending(msgspec.json.encode(answer), found)

    async def tell(self, request: Request, caller: Caller) -> Answer:
        """Tell of a session and its latest verdict."""
        session = await self._lifetimes.find(caller.tenant_id, caller.session_id)
        verdict = await self._latest(caller)
        found = judged(verdict) if verdict is not None else None
        result = None
        if found is not None:
            result = ResultDocument(
                batch_id=found.batch_id,
                is_human=found.trust_score >= session.challenge_threshold,
                needs_challenge=found.needs_challenge,
                trust_score=found.trust_score,
                score=human_score(found.risk_score),
                confidence=found.confidence,
                reasons=_reasons(found, caller),
                judged_at=found.received_at,
                verdict=_whole(verdict, caller),
            )
        answer = StatusDocument(
            **_about(caller.session_id, session, caller.now),
            last_seen_at=found.session.last_seen_at if found else None,
            batch_count=found.session.batch_count if found else 0,
            event_count=found.session.event_count if found else 0,
            result=result,
        )
        return Answer(200, msgspec.json.encode(answer), "told")

    async def close(self, request: Request, caller: Caller) -> Answer:
        """Close a session; again changes nothing."""
        session = await self._lifetimes.close(caller.tenant_id, caller.session_id, caller.now)
        answer = SessionDocument(**_about(caller.session_id, session, caller.now))
        return Answer(200, msgspec.json.encode(answer), "closed")

    async def _post(
        self,
        request: Request,
        caller: Caller,
        body: bytes,
        subject: Subject,
        started_s: float,
        session: StartedSession | None = None,
    ) -> _Posted:
        document = decode_document(body)
        name = f"{subject.type}/{subject.id}".encode()
        batch_id = batch_id_of(document) or _idempotency(request, caller.tenant_id, name) or _new_id(caller.now)
        origin = self._lifetimes.origin_of(caller.tenant_id, caller.session_id) if session else None
        behaviour = read_behaviour(document, caller.now, origin, session.started_at if session else None)
        self._show(behaviour, len(body), request)
        item = make_item(document, behaviour, batch_id, subject, caller.now)
        metrics.GATEWAY_IGNORED_EVENTS.inc(behaviour.ignored)
        if session is not None and behaviour.origin is not None:
            self._lifetimes.keep_origin(caller.tenant_id, caller.session_id, behaviour.origin)
        del document  # it may hold keys, and the wait may be long
        stamp = stamp_of(caller.tenant_id, caller.now, request.traceparent)
        verdicts = await self._handover.publish_and_wait([item], stamp, self._wait_s)
        return _Posted(item, behaviour, verdicts.get(batch_id), round((time.perf_counter() - started_s) * 1000, 3))

    async def _latest(self, caller: Caller) -> bytes | None:
        of = (caller.tenant_id, "session", str(caller.session_id))
        verdict = await self._replies.latest(*of)
        if verdict is not None:
            return verdict
        try:
            return await self._store.latest_verdict(*of)
        except StoreUnavailable:
            raise Problem(STORE_UNAVAILABLE, retry_after_s=_RETRY_STORE_S) from None

    def _show(self, behaviour: Behaviour, size: int, request: Request) -> None:
        if self._shows_payloads:
            _log.info("payload", extra={"payload": redacted(behaviour, size), "traceparent": request.traceparent})


async def _read(request: Request) -> bytes:
    if request.headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in request.headers:
        request.body.whole = True  # a session may start with nothing said
        return b""
    body = await request.read()
    metrics.GATEWAY_BYTES.inc(len(body))
    return body


def _judged_or_pending(body: bytes, found: Judged | None) -> Answer:
    return Answer(200, body, "verdict") if found else Answer(202, body, "accepted", _RETRY_VERDICT)


def _reasons(found: Judged, caller: Caller) -> Sequence[Reason] | Sequence[PageReason]:
    """Give the reasons; to a page without what each weighs, which would teach its bot what to change."""
    if caller.is_page:
        return [PageReason(reason.code, reason.message) for reason in found.reasons]
    return found.reasons


def _whole(verdict: bytes | None, caller: Caller) -> msgspec.Raw | None:
    return msgspec.Raw(verdict) if verdict is not None and not caller.is_page else None


def _session_subject(session_id: UUID) -> Subject:
    return Subject(type="session", id=str(session_id))


def _new_id(now: datetime) -> UUID:
    return timed_uuid(int(now.timestamp() * 1000), secrets.randbits(74))


def _idempotency(request: Request, tenant_id: str, purpose: bytes) -> UUID | None:
    """Derive the id of what a request makes from the key its client gave, so that a retry makes it once."""
    key = request.headers.get(b"idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= _MAX_IDEMPOTENCY:
        detail = f"expected 1 to {_MAX_IDEMPOTENCY} characters"
        raise refused(Refusal("/header/idempotency-key", "invalid_value", detail))
    return named_uuid(_NAMESPACE, b"%b\0%b\0%b" % (tenant_id.encode(), purpose, key))


def _kept_facts(behaviour: Behaviour) -> bytes:
    """Give the facts that stay with the session: what the contract knows of device and network."""
    facts = {
        event["type"]: {name: said for name, said in event.items() if name not in {"type", "occurred_at"}}
        for event in behaviour.events
    }
    kept = msgspec.json.encode(facts)
    if len(kept) > _MAX_FACTS_BYTES:
        raise refused(Refusal("", "too_long", f"device and network facts take at most {_MAX_FACTS_BYTES} bytes"))
    return kept


def _about(session_id: UUID, session: StartedSession, now: datetime) -> Mapping[str, Any]:
    end = ended(session, now)
    return {
        "session_id": session_id,
        "session_id_again": session_id,
        "user_id": session.user_id,
        "status": "closed" if end else "open",
        "ended_by": end,
        "started_at": session.started_at,
        "closed_at": session.closed_at,
        "expires_at": min(session.started_at + OLDEST, (session.last_seen_at or session.started_at) + IDLE),
    }
