"""``POST /v1/events``: the hot route, a bare ASGI app. Nothing here costs by the event but decoding itself."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from services.gateway.batches import Item, parse_body
from services.gateway.body import RETRY_FULL_S, Body, Disconnected, ReceivingBytes
from services.gateway.errors import send_problem
from services.gateway.keys import authenticate
from services.gateway.ports import BrokerUnavailable, Publisher, PublisherFull, Record, Replies
from services.gateway.recent import Accepted, RecentBatches
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.cloudevents import BatchHeaders, batch_headers
from shared.problems import (
    BROKER_UNAVAILABLE,
    INTERNAL,
    INVALID_PARAMETER,
    METHOD_NOT_ALLOWED,
    TOO_MANY_IN_FLIGHT,
    Problem,
)
from shared.tenancy import KeyRing
from shared.topics import Domain, partition_key
from shared.tracing import child_of, trace_id_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)
MAX_WAIT_MS: Final = 10_000
_QUERY: Final = re.compile(rb"wait_ms=([0-9]{1,5})")
_RETRY_BROKER_S: Final = 2
_SKEW_WORTH_TELLING_S: Final = 60.0
_JSON_HEADER: Final = (b"content-type", b"application/json")
_BATCHES: Final = {domain: metrics.GATEWAY_BATCHES.labels(domain) for domain in Domain}
_EVENTS: Final = {domain: metrics.GATEWAY_EVENTS.labels(domain) for domain in Domain}
_requests: Final = cache(metrics.GATEWAY_REQUESTS.labels)
_SECONDS: Final = {
    waited: metrics.GATEWAY_REQUEST_SECONDS.labels("yes" if waited else "no") for waited in (False, True)
}


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One batch's receipt: a function of the batch alone, so that a retry's is the same."""

    batch_id: UUID
    status: str
    events: int
    receipt: str
    verdict: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Receipts(msgspec.Struct, frozen=True):
    """The answer to a POST, in the order of the request."""

    receipts: list[Receipt]


class _Stamp(NamedTuple):
    """What is the same for every batch of a request."""

    tenant_id: str
    received_at: datetime
    timestamp_ms: int
    traceparent: str


class Ingest:
    """The ASGI app of the hot route.

    Parameters
    ----------
    settings
        Limits.
    keys
        Whose an API key is.
    publisher, replies
        The broker, and verdicts for those who wait.
    recent
        Where acceptance is noted for receipts.
    now
        The clock, in UTC.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        keys: KeyRing,
        publisher: Publisher,
        replies: Replies,
        recent: RecentBatches,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._publisher = publisher
        self._replies = replies
        self._recent = recent
        self._now = now
        self.receiving = ReceivingBytes(settings.max_receiving_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an error is an answer too."""
        started_s = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        parent = headers.get(b"traceparent")
        traceparent = child_of(parent.decode("latin-1") if parent else None)
        body = Body(self.receiving, self._settings.max_body_bytes, self._settings.body_timeout_s)
        waited = False
        try:
            wait_ms = _wait_ms(scope)
            waited = wait_ms > 0
            status, answer = await self._accept(scope["method"], headers, traceparent, wait_ms, body, receive)
            outcome = "accepted" if status == 202 else "verdict"
            await send(
                {
                    "type": "http.response.start",
                    "status": status,
                    "headers": [_JSON_HEADER, (b"content-length", b"%d" % len(answer))],
                }
            )
            await send({"type": "http.response.body", "body": answer})
        except Problem as problem:
            outcome = problem.kind.code
            await send_problem(problem, trace_id_of(traceparent), send, receive if not body.whole else None)
        except Disconnected:
            outcome = "disconnected"
        except Exception:
            outcome = INTERNAL.code
            _log.exception("ingest failed", extra={"trace_id": trace_id_of(traceparent)})
            await send_problem(Problem(INTERNAL), trace_id_of(traceparent), send, None)
        finally:
            body.release()
        _requests(outcome).inc()
        _SECONDS[waited].observe(time.perf_counter() - started_s)

    async def _accept(
        self, method: str, headers: Mapping[bytes, bytes], traceparent: str, wait_ms: int, body: Body, receive: Receive
    ) -> tuple[int, bytes]:
        if method != "POST":
            raise Problem(METHOD_NOT_ALLOWED, "this path takes POST")
        tenant_id = authenticate(headers.get(b"authorization"), self._keys)
        data = await body.read(headers, receive)
        metrics.GATEWAY_BYTES.inc(len(data))
        received_at = self._now()
        items = parse_body(data, received_at, self._settings.max_batches_per_request)
        stamp = _Stamp(tenant_id, received_at, int(received_at.timestamp() * 1000), traceparent)
        if wait_ms:
            return await self._publish_and_wait(items, stamp, wait_ms / 1000)
        await self._publish(items, stamp, None)
        return 202, _receipts(items, {})

    async def _publish_and_wait(self, items: list[Item], stamp: _Stamp, wait_s: float) -> tuple[int, bytes]:
        deadline_s = time.monotonic() + wait_s
        # Only a batch we took before can have been answered here; another process's is judged again, as a duplicate.
        again = [item.batch_id for item in items if (stamp.tenant_id, item.batch_id) in self._recent]
        verdicts = dict(await self._replies.answered(stamp.tenant_id, again)) if again else {}
        fresh = [item for item in items if item.batch_id not in verdicts]
        if fresh:
            channel = self._replies.channel
            with self._replies.expect(stamp.tenant_id, [item.batch_id for item in fresh]) as watch:
                await self._publish(fresh, stamp, channel)
                if channel is not None:
                    verdicts |= await watch.collect(deadline_s - time.monotonic())
        return 200 if len(verdicts) == len(items) else 202, _receipts(items, verdicts)

    async def _publish(self, items: list[Item], stamp: _Stamp, reply_to: str | None) -> None:
        records = [_record(item, stamp, reply_to) for item in items]
        try:
            await self._publisher.publish(records)
        except PublisherFull:
            raise Problem(TOO_MANY_IN_FLIGHT, retry_after_s=RETRY_FULL_S) from None
        except BrokerUnavailable as error:
            # Once the outage is known, a line for every refused request would only drown it; they are counted.
            level = logging.WARNING if self._publisher.ready else logging.DEBUG
            _log.log(level, "not accepted: %s", error, extra={"trace_id": trace_id_of(stamp.traceparent)})
            raise Problem(BROKER_UNAVAILABLE, retry_after_s=_RETRY_BROKER_S) from None
        for item, record in zip(items, records, strict=True):
            _BATCHES[record.domain].inc()
            _EVENTS[record.domain].inc(item.events)
            subject = f"{item.subject.type}/{item.subject.id}"
            accepted = Accepted(record.domain, subject, item.events, stamp.received_at)
            self._recent.add((stamp.tenant_id, item.batch_id), accepted)


def _record(item: Item, stamp: _Stamp, reply_to: str | None) -> Record:
    subject = item.subject
    skew_s = item.skew.total_seconds()
    if abs(skew_s) > _SKEW_WORTH_TELLING_S:
        metrics.GATEWAY_CLOCK_SKEWED.inc()
    headers = batch_headers(
        BatchHeaders(
            item.batch_id,
            stamp.tenant_id,
            item.domain,
            f"{subject.type}/{subject.id}",
            stamp.received_at,
            item.events,
            round(skew_s * 1000),
            stamp.traceparent,
            reply_to,
        )
    )
    return Record(
        item.domain, partition_key(stamp.tenant_id, subject.type, subject.id), item.raw, headers, stamp.timestamp_ms
    )


def _receipts(items: list[Item], verdicts: Mapping[UUID, bytes]) -> bytes:
    receipts = []
    for item in items:
        batch_id = item.batch_id
        verdict = verdicts.get(batch_id)
        receipts.append(
            Receipt(
                batch_id,
                "accepted",
                item.events,
                f"/v1/batches/{batch_id}",
                msgspec.Raw(verdict) if verdict is not None else msgspec.UNSET,
            )
        )
    return msgspec.json.encode(Receipts(receipts))


def _wait_ms(scope: Scope) -> int:
    query: bytes = scope.get("query_string", b"")
    if not query:
        return 0
    found = _QUERY.fullmatch(query)
    if found is None or int(found[1]) > MAX_WAIT_MS:
        detail = f"the only parameter is wait_ms, once, a whole number of milliseconds up to {MAX_WAIT_MS}"
        raise Problem(INVALID_PARAMETER, detail)
    return int(found[1])
