"""Everything but the hot route: receipts, verdicts, health, metrics, OpenAPI. FastAPI, and problems for every error."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import Depends, FastAPI, Path, Request
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway import examples
from services.gateway.keys import authenticate
from services.gateway.openapi import build_openapi, described
from services.gateway.ports import ReceiptStore, Replies, StoreUnavailable
from services.gateway.recent import RecentBatches
from services.gateway.status import batch_receipt
from shared.contracts.base import SubjectId, SubjectType
from shared.http_problems import install_problems
from shared.problems import (
    INVALID_PARAMETER,
    NOT_FOUND,
    STORE_UNAVAILABLE,
    Problem,
)
from shared.tenancy import KeyRing

_RETRY_STORE_S: Final = 2


class Checks(msgspec.Struct, frozen=True):
    """What the gateway needs, and what it can do without."""

    required: Mapping[str, bool]
    optional: Mapping[str, bool]

    @property
    def ready(self) -> bool:
        """Whether everything needed is there."""
        return all(self.required.values())


class Readiness(msgspec.Struct, frozen=True):
    """The answer of ``/readyz``."""

    ready: bool
    checks: Mapping[str, bool]
    optional: Mapping[str, bool]


def create_api(
    keys: KeyRing,
    replies: Replies,
    store: ReceiptStore,
    recent: RecentBatches,
    checks: Callable[[], Checks],
    lifespan: Any,
) -> FastAPI:
    """Make the API beside the hot route.

    Parameters
    ----------
    keys, replies, store, recent
        What the routes read.
    checks
        What ``/readyz`` reports.
    lifespan
        Opens and closes what the process holds.
    """
    api = FastAPIOffline(title="Telltale gateway", version="1", lifespan=lifespan, redoc_url=None)
    install_problems(api)

    def tenant(request: Request) -> str:
        authorization = request.headers.get("authorization")
        return authenticate(authorization.encode("latin-1") if authorization is not None else None, keys)

    Tenant = Annotated[str, Depends(tenant)]
    BatchId = Annotated[UUID, Path(description="The client's own id of the batch.", examples=[examples.BATCH_ID])]
    Type = Annotated[str, Path(description="Kind of subject.", examples=["session"])]
    Id = Annotated[str, Path(description="The client's own id of the subject.", examples=["s-7f3a"])]

    @api.get("/v1/batches/{batch_id}", **described("batch_receipt"))
    async def get_batch(batch_id: BatchId, tenant_id: Tenant) -> Response:
        accepted = recent.get((tenant_id, batch_id))
        try:
            stored = await store.receipt(tenant_id, batch_id)
        except StoreUnavailable:
            if accepted is None:
                raise Problem(STORE_UNAVAILABLE, retry_after_s=_RETRY_STORE_S) from None
            stored = None
        receipt = batch_receipt(batch_id, stored, accepted)
        if receipt is None:
            detail = "no such batch is known; if its POST was not answered 2xx, send it again with the same batch_id"
            raise Problem(NOT_FOUND, detail)
        return _json(msgspec.json.encode(receipt))

    @api.get("/v1/subjects/{subject_type}/{subject_id}/verdict", **described("latest_verdict"))
    async def get_latest_verdict(subject_type: Type, subject_id: Id, tenant_id: Tenant) -> Response:
        _check_subject(subject_type, subject_id)
        verdict = await replies.latest(tenant_id, subject_type, subject_id)
        if verdict is None:
            try:
                verdict = await store.latest_verdict(tenant_id, subject_type, subject_id)
            except StoreUnavailable:
                raise Problem(STORE_UNAVAILABLE, retry_after_s=_RETRY_STORE_S) from None
        if verdict is None:
            raise Problem(NOT_FOUND, "there is no verdict on this subject yet")
        return _json(verdict)

    @api.get("/healthz", **described("alive"))
    async def healthz() -> Response:
        return _json(b'{"status":"alive"}')

    @api.get("/readyz", **described("ready"))
    async def readyz() -> Response:
        found = checks()
        answer = Readiness(found.ready, found.required, found.optional)
        return _json(msgspec.json.encode(answer), 200 if found.ready else 503)

    @api.get("/metrics", **described("metrics"))
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    api.openapi = lambda: build_openapi(api)  # type: ignore[method-assign]
    return api


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _check_subject(subject_type: str, subject_id: str) -> None:
    errors = []
    for name, value, kind in (("subject_type", subject_type, SubjectType), ("subject_id", subject_id, SubjectId)):
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            errors.append({"pointer": f"/path/{name}", "code": "invalid_value", "detail": "not of the contract"})
    if errors:
        raise Problem(INVALID_PARAMETER, errors=errors)
