"""``POST /v1/events``: the hot route, a bare ASGI app. Nothing here costs by the event but decoding itself."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final
from uuid import UUID

import msgspec

from services.gateway.answering import Answer, Receive, Request, Scope, Send
from services.gateway.batches import Item, parse_body
from services.gateway.body import Body, ReceivingBytes
from services.gateway.handover import Handover, stamp_of
from services.gateway.keys import authenticate
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.problems import INVALID_PARAMETER, METHOD_NOT_ALLOWED, Problem
from shared.tenancy import KeyRing

MAX_WAIT_MS: Final = 10_000
_QUERY: Final = re.compile(rb"wait_ms=([0-9]{1,5})")
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


class Ingest:
    """The ASGI app of the hot route.

    Parameters
    ----------
    settings
        Limits.
    keys
        Whose an API key is.
    handover
        To the broker.
    receiving
        Books of the bodies of all requests.
    now
        The clock, in UTC.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        keys: KeyRing,
        handover: Handover,
        receiving: ReceivingBytes,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._handover = handover
        self._now = now
        self.receiving = receiving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an error is an answer too."""
        body = Body(self.receiving, self._settings.max_body_bytes, self._settings.body_timeout_s)
        request = Request(scope, receive, body)
        outcome = await request.respond(self._accept, send, b"POST")
        _requests(outcome).inc()
        _SECONDS[request.waits].observe(time.perf_counter() - request.started_s)

    async def _accept(self, request: Request) -> Answer:
        wait_ms = _wait_ms(request.scope)
        request.waits = wait_ms > 0
        if request.scope["method"] != "POST":
            raise Problem(METHOD_NOT_ALLOWED, "this path takes POST")
        tenant_id = authenticate(request.headers.get(b"authorization"), self._keys)
        data = await request.read()
        metrics.GATEWAY_BYTES.inc(len(data))
        received_at = self._now()
        items = parse_body(data, received_at, self._settings.max_batches_per_request)
        stamp = stamp_of(tenant_id, received_at, request.traceparent)
        verdicts: Mapping[UUID, bytes] = {}
        if wait_ms:
            verdicts = await self._handover.publish_and_wait(items, stamp, wait_ms / 1000)
        else:
            await self._handover.publish(items, stamp)
        body = _receipts(items, verdicts)
        return Answer(200, body, "verdict") if len(verdicts) == len(items) else Answer(202, body, "accepted")


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
