"""The session API in OpenAPI 3.1: operations and schemas. What is posted is described by its common shape."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from services.gateway.sessions import examples
from shared.contracts.base import Share
from shared.contracts.verdict import Reason, ReasonCode, Verdict
from shared.problems import (
    AUTH_UNAVAILABLE,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    BROKER_UNAVAILABLE,
    FORBIDDEN,
    INVALID_REQUEST,
    MALFORMED_BODY,
    NOT_FOUND,
    ORIGIN_REFUSED,
    SESSION_CLOSED,
    STORE_UNAVAILABLE,
    TOO_MANY_IN_FLIGHT,
    UNAUTHENTICATED,
    UNSUPPORTED_MEDIA,
    ProblemKind,
)

_POSTS: Final = (
    UNAUTHENTICATED, AUTH_UNAVAILABLE, MALFORMED_BODY, INVALID_REQUEST, BODY_TIMEOUT, BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA, TOO_MANY_IN_FLIGHT, BROKER_UNAVAILABLE, STORE_UNAVAILABLE,
)  # fmt: skip
_READS: Final = (UNAUTHENTICATED, AUTH_UNAVAILABLE, ORIGIN_REFUSED, NOT_FOUND, STORE_UNAVAILABLE)
TrustScore = Annotated[int, msgspec.Meta(ge=0, le=100)]
_ANY_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_ITEMS: Final[dict[str, Any]] = {"type": "array", "items": _ANY_OBJECT}
_GROUPS: Final = (
    "events", "tracks", "mouse", "keystrokes", "focus", "scroll", "touch", "clipboard", "form", "fingerprint",
    "network",
)  # fmt: skip
_DATA_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {name: {"anyOf": [_ITEMS, _ANY_OBJECT]} for name in _GROUPS}
    | {"time_origin": {"type": ["string", "number"]}, "batch_id": {"type": "string", "format": "uuid"}},
}
_TRACK_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["userId", "behaviorData"],
    "properties": {
        "userId": {"type": "string"},
        "behaviorData": {
            "type": "object",
            "properties": {
                "trackingData": {
                    "type": "object",
                    "properties": {
                        "mouseMovements": _ITEMS,
                        "keystrokes": _ITEMS,
                        "formInteractions": _ITEMS,
                        "sessionMetrics": _ANY_OBJECT,
                    },
                }
            },
        },
    },
}
_START_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"user_id": {"type": "string"}, "device_fingerprint": _ANY_OBJECT, "network": _ANY_OBJECT},
}
_IDEMPOTENCY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Send the same key with a retry: what the request makes is made once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    "example": "8f14e45f-ea3c-4c1e-9b0c-4d2f7a1b6c11",
}
_SESSION: Final[dict[str, Any]] = {
    "name": "sessionId",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "example": examples.SESSION_ID,
}


class ReasonSchema(msgspec.Struct, kw_only=True):
    """One cause of a verdict. A publishable key gets code and message alone."""

    code: ReasonCode
    message: str
    contribution: Share | msgspec.UnsetType = msgspec.UNSET
    evidence: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class SessionSchema(msgspec.Struct, kw_only=True):
    """A session. ``ended_by``: closed by the caller, idle for 30 minutes, or expired after 24 hours."""

    session_id: str
    sessionId: str  # the path's spelling of it
    user_id: str | None
    status: str
    ended_by: str | None
    started_at: str
    closed_at: str | None
    expires_at: str


class SessionResultSchema(msgspec.Struct, kw_only=True):
    """The latest verdict in this API's words, after which batch; ``score`` is 0..1, higher is more human."""

    batch_id: str
    is_human: bool
    needs_challenge: bool
    trust_score: TrustScore
    score: Share
    confidence: Share
    reasons: list[ReasonSchema]
    judged_at: str
    verdict: Verdict | None


class SessionStatusSchema(SessionSchema, kw_only=True):
    """A session, what was seen of it, and its latest verdict."""

    last_seen_at: str | None
    batch_count: int
    event_count: int
    result: SessionResultSchema | None


class SessionDataSchema(msgspec.Struct, kw_only=True):
    """The answer to data. ``processing_time_ms`` counts from the whole body's arrival to the verdict."""

    session_id: str
    batch_id: str
    status: str
    is_human: bool | None
    needs_challenge: bool | None
    trust_score: TrustScore | None
    score: Share | None
    confidence: Share | None
    reasons: list[ReasonSchema]
    processing_time_ms: float
    event_count: int
    ignored_events: int
    received_at: str
    receipt: str
    verdict: Verdict | None


class TrustSchema(msgspec.Struct, kw_only=True, rename="camel"):
    """Trust in a user: 0..1, stored as 0..100. high from 0.8, medium from 0.6, low from 0.4, else suspicious."""

    success: bool
    trust_score: Share | None
    trust_level: str | None
    needs_captcha: bool
    confidence: Share
    reasons: list[Reason]
    ai_method: str
    batch_id: str | msgspec.UnsetType = msgspec.UNSET
    receipt: str | msgspec.UnsetType = msgspec.UNSET


SCHEMAS: Final = (SessionSchema, SessionStatusSchema, SessionDataSchema, TrustSchema)
Ok = Callable[[str, str, object], dict[str, Any]]
Problems = Callable[[tuple[ProblemKind, ...]], dict[int, dict[str, Any]]]


def session_paths(
    ok: Ok, problems: Problems, common: tuple[ProblemKind, ...], security: list[dict[str, list[str]]]
) -> dict[str, Any]:
    """Describe every path of the session API.

    Parameters
    ----------
    ok, problems
        Describe answers: of one schema with its example, and of kinds of problems.
    common
        Problems that any path may answer.
    security
        How callers authenticate.
    """

    def operation(
        name: str, summary: str, answers: dict[int, dict[str, Any]], kinds: tuple[ProblemKind, ...], **more: Any
    ) -> dict[str, Any]:
        responses = answers | problems((*kinds, *common))
        return {"summary": summary, "operationId": name, "security": security, **more} | {
            "responses": {str(status): responses[status] for status in sorted(responses)}
        }

    data = _body(_DATA_SCHEMA, one_list=examples.EVENTS, groups=examples.GROUPS)
    return {
        "/api/sessions": {
            "post": operation(
                "begin_session",
                "Start a session",
                {201: ok("It is open; post its data.", "SessionSchema", examples.SESSION)},
                (*_POSTS, ORIGIN_REFUSED),
                description="User, device and network facts are optional. A session ends when it is closed, 30 minutes"
                " after its last data, or after 24 hours.",
                parameters=[_IDEMPOTENCY],
                requestBody=_body(_START_SCHEMA, start=examples.START) | {"required": False},
            )
        },
        "/api/sessions/{sessionId}": {
            "delete": operation(
                "close_session",
                "Close a session",
                {200: ok("It is closed; closing it again changes nothing.", "SessionSchema", examples.CLOSED)},
                _READS,
                parameters=[_SESSION],
            )
        },
        "/api/sessions/{sessionId}/data": {
            "post": operation(
                "send_session_data",
                "Send behaviour of a session",
                {
                    200: ok("Judged.", "SessionDataSchema", examples.DATA),
                    202: ok("Taken, not judged yet: ask again.", "SessionDataSchema", examples.PENDING),
                },
                (*_POSTS, ORIGIN_REFUSED, NOT_FOUND, SESSION_CLOSED),
                description="Events in one list, or in groups. Of a key only its class goes on.",
                parameters=[_SESSION, _IDEMPOTENCY],
                requestBody=data,
            )
        },
        "/api/sessions/{sessionId}/status": {
            "get": operation(
                "session_status",
                "A session and its latest verdict",
                {200: ok("What is known of it.", "SessionStatusSchema", examples.STATUS)},
                _READS,
                parameters=[_SESSION],
            )
        },
        "/api/behavior/track": {
            "post": operation(
                "track_behavior",
                "Send behaviour of a user",
                {
                    200: ok("Judged.", "TrustSchema", examples.TRUST),
                    202: ok("Taken, not judged yet.", "TrustSchema", examples.TRUST_PENDING),
                },
                (*_POSTS, FORBIDDEN),
                description="The subject judged is the customer of that id. A captcha is needed below the tenant's"
                " threshold, 50 of 100 by default.",
                parameters=[_IDEMPOTENCY],
                requestBody=_body(_TRACK_SCHEMA, tracked=examples.TRACKED),
            )
        },
    }


def _body(schema: dict[str, Any], **shown: object) -> dict[str, Any]:
    values = {name: {"value": value} for name, value in shown.items()}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": values}}}
