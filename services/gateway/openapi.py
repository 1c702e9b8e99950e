"""OpenAPI 3.1 of the whole gateway, the hot route included; schemas come from the contracts themselves."""

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

from services.gateway import examples
from services.gateway.ingest import MAX_WAIT_MS
from services.gateway.sessions.reference import SCHEMAS, session_paths
from services.gateway.status import BatchReceipt
from shared.contracts.batch import EventBatch
from shared.contracts.verdict import Verdict
from shared.problems import (
    AUTH_UNAVAILABLE,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    BROKER_UNAVAILABLE,
    FORBIDDEN,
    HEADERS_TOO_LARGE,
    INTERNAL,
    INVALID_BATCH,
    INVALID_PARAMETER,
    MALFORMED_BODY,
    MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    STORE_UNAVAILABLE,
    TOO_MANY_IN_FLIGHT,
    UNAUTHENTICATED,
    UNSUPPORTED_MEDIA,
    Problem,
    ProblemKind,
)

_REF: Final = "#/components/schemas/{name}"
_SECURITY: Final[list[dict[str, list[str]]]] = [{"api_key": []}]
_COMMON: Final = (METHOD_NOT_ALLOWED, HEADERS_TOO_LARGE, INTERNAL)
_INGEST: Final = (
    UNAUTHENTICATED, FORBIDDEN, AUTH_UNAVAILABLE, MALFORMED_BODY, BODY_TIMEOUT, BODY_TOO_LARGE, UNSUPPORTED_MEDIA,
    INVALID_BATCH, INVALID_PARAMETER, TOO_MANY_IN_FLIGHT, BROKER_UNAVAILABLE, *_COMMON,
)  # fmt: skip
_READ: Final = (
    UNAUTHENTICATED, FORBIDDEN, AUTH_UNAVAILABLE, NOT_FOUND, INVALID_PARAMETER, STORE_UNAVAILABLE, *_COMMON,
)  # fmt: skip


class ProblemItem(msgspec.Struct):
    """One offending place of a request."""

    pointer: str
    code: str
    detail: str


class ProblemDocument(msgspec.Struct, kw_only=True):
    """RFC 9457 problem details."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[ProblemItem] = []


class ReceiptDocument(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One batch's receipt; ``verdict`` only when the caller waited and it came in time."""

    batch_id: str
    status: str
    events: int
    receipt: str
    verdict: Verdict | None = None


class ReceiptsDocument(msgspec.Struct, kw_only=True):
    """Receipts in the order of the request."""

    receipts: list[ReceiptDocument]


class ReadinessDocument(msgspec.Struct, kw_only=True):
    """Whether the gateway can do its job, what it needs and what it can do without."""

    ready: bool
    checks: dict[str, bool]
    optional: dict[str, bool]


class AliveDocument(msgspec.Struct, kw_only=True):
    """The process runs."""

    status: str


def described(name: str) -> dict[str, Any]:
    """Give what FastAPI needs to describe a route of `_ROUTES`."""
    return {"operation_id": name, "response_model": None, "response_class": Response, **_ROUTES[name]}


def build_openapi(api: FastAPI) -> dict[str, Any]:
    """Make the document once; it stays the same while the process lives."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title, version=api.version, routes=api.routes, summary="Events in, receipts out."
        )
        types = [
            EventBatch, BatchReceipt, ReceiptsDocument, ReadinessDocument, AliveDocument, ProblemDocument, Verdict,
            *SCHEMAS,
        ]  # fmt: skip
        schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
        components["EventBatch"] = schemas[0] | {"description": "A batch of one domain; `domain` tells which."}
        document["components"] = {
            "schemas": components,
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "tt_<id>_<secret>",
                    "description": "A secret key, for servers. Sessions also take a publishable one,"
                    " `tp_<id>_<secret>`, from the origins it was made for.",
                }
            },
        }
        document["paths"]["/v1/events"] = {"post": _ingest_operation()}
        document["paths"] |= session_paths(_ok, _problems, _COMMON, _SECURITY)
        api.openapi_schema = document
    return api.openapi_schema


def _ok(description: str, schema: str, example: object) -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(name=schema)}, "example": example}
    return {"description": description, "content": {"application/json": content}}


def _problems(kinds: tuple[ProblemKind, ...]) -> dict[int, dict[str, Any]]:
    """Describe problems by status; several of one status share an entry."""
    responses: dict[int, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="ProblemDocument")}, "examples": {}}},
            },
        )
        if kind.status == 503:
            entry["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
        example = Problem(kind).document("4bf92f3577b34da6a3ce929d0e0e4736")
        entry["content"][MEDIA_TYPE]["examples"][kind.code] = {"value": example}
    return responses


def _ingest_operation() -> dict[str, Any]:
    batch = {"$ref": _REF.format(name="EventBatch")}
    answered = examples.RECEIPT | {"verdict": examples.VERDICT}
    many = [examples.BATCH, examples.BATCH | {"batch_id": "0190a6f0-5b1c-7c3e-9a52-3f6d1c2b4e60"}]
    responses = {
        200: _ok("Every verdict came in time.", "ReceiptsDocument", {"receipts": [answered]}),
        202: _ok("On the broker, acknowledged.", "ReceiptsDocument", {"receipts": [examples.RECEIPT]}),
    } | _problems(_INGEST)
    return {
        "summary": "Send one batch, or several",
        "description": "An object is one batch, an array several; all are checked before any is accepted. `batch_id` is"
        " the idempotency key: send the same batch again after a 503 or a lost answer, it counts once. The body may be"
        " compressed with `Content-Encoding: gzip`.",
        "operationId": "send_events",
        "security": _SECURITY,
        "parameters": [
            {
                "name": "wait_ms",
                "in": "query",
                "description": "Wait so long for the verdicts. Without them in time the answer is 202 and the verdict"
                " follows at the receipt.",
                "schema": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_MS, "default": 0},
                "example": 200,
            },
            {
                "name": "traceparent",
                "in": "header",
                "description": "W3C Trace Context; it follows the batch to verdict and row.",
                "schema": {"type": "string"},
                "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [batch, {"type": "array", "items": batch, "minItems": 1}]},
                    "examples": {"one": {"value": examples.BATCH}, "several": {"value": many}},
                }
            },
        },
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }


_ROUTES: Final[dict[str, dict[str, Any]]] = {
    "batch_receipt": {
        "summary": "Where a batch is",
        "responses": {200: _ok("What is known of it.", "BatchReceipt", examples.BATCH_RECEIPT)} | _problems(_READ),
        "openapi_extra": {"security": _SECURITY},
    },
    "latest_verdict": {
        "summary": "Latest verdict on a subject",
        "responses": {200: _ok("The verdict.", "Verdict", examples.VERDICT)} | _problems(_READ),
        "openapi_extra": {"security": _SECURITY},
    },
    "alive": {
        "summary": "Whether the process runs",
        "responses": {200: _ok("It does.", "AliveDocument", {"status": "alive"})} | _problems(_COMMON),
    },
    "ready": {
        "summary": "Whether batches can be accepted",
        "responses": {
            200: _ok("They can.", "ReadinessDocument", examples.READINESS),
            503: _ok(
                "Something needed is missing.",
                "ReadinessDocument",
                examples.READINESS | {"ready": False, "checks": {"api_keys": True, "broker": False}},
            ),
        }
        | _problems(_COMMON),
    },
    "metrics": {
        "summary": "Metrics for Prometheus",
        "responses": {
            200: {
                "description": "Text exposition format.",
                "content": {
                    "text/plain": {
                        "schema": {"type": "string"},
                        "example": "telltale_gateway_in_flight_batches 0.0\n",
                    }
                },
            }
        }
        | _problems(_COMMON),
    },
}  # fmt: skip
