"""RFC 9457 problem details: every error a person or a program meets over HTTP, in one table."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_BASE: Final = "urn:telltale:problem:"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of error: its stable code, HTTP status, title, and what to do next."""

    code: str
    status: int
    title: str
    advice: str


class Problem(Exception):
    """An answer that is an error: the sender gets it as ``application/problem+json``.

    Parameters
    ----------
    kind
        Entry of the table below.
    detail
        What was wrong this time; never holds a payload, key or secret.
    errors
        One item per offending place, each with a JSON ``pointer``, ``code`` and ``detail``.
    retry_after_s
        When to try again, for 429 and 503.
    """

    def __init__(
        self,
        kind: ProblemKind,
        detail: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{kind.code}: {detail or kind.title}")
        self.kind = kind
        self.detail = detail
        self.errors = errors or []
        self.retry_after_s = retry_after_s

    def document(self, trace_id: str) -> dict[str, Any]:
        """Give the problem as a JSON-ready document, with the id under which our logs speak of the request."""
        document: dict[str, Any] = {
            "type": _TYPE_BASE + self.kind.code.replace("_", "-"),
            "code": self.kind.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": f"{self.detail}. {self.kind.advice}" if self.detail else self.kind.advice,
        }
        if self.errors:
            document["errors"] = self.errors
        return document | {"trace_id": trace_id}

    def body(self, trace_id: str) -> bytes:
        """Give the problem as JSON bytes."""
        return msgspec.json.encode(self.document(trace_id))

    def headers(self) -> dict[str, str]:
        """Give the response headers that belong to the problem."""
        headers = {"content-type": MEDIA_TYPE}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(self.retry_after_s)
        if self.kind.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


UNAUTHENTICATED: Final = ProblemKind(
    "unauthenticated", 401, "No valid API key", "Send 'Authorization: Bearer <API key>' with an active key."
)
FORBIDDEN: Final = ProblemKind(
    "forbidden", 403, "Not with a publishable key",
    "Use a secret key, on your server. A publishable key starts, feeds, reads and closes sessions, no more.",
)  # fmt: skip
ORIGIN_REFUSED: Final = ProblemKind(
    "origin_refused", 403, "Not from this origin", "Make a publishable key for the origin of the page."
)
NOT_FOUND: Final = ProblemKind("not_found", 404, "Not found", "Check the path and the id.")
METHOD_NOT_ALLOWED: Final = ProblemKind(
    "method_not_allowed", 405, "Method not allowed", "See the API reference for this path's methods."
)
BODY_TOO_LARGE: Final = ProblemKind(
    "body_too_large", 413, "Body too large", "Send smaller batches; the limit counts the body after decompression."
)
UNSUPPORTED_MEDIA: Final = ProblemKind(
    "unsupported_media", 415, "Unsupported encoding or media type",
    "Send application/json, plain or with 'Content-Encoding: gzip'.",
)  # fmt: skip
BODY_TIMEOUT: Final = ProblemKind(
    "body_timeout", 408, "Body not received in time", "Send the same batch again over a faster connection."
)
BAD_REQUEST: Final = ProblemKind("bad_request", 400, "Not an HTTP request", "Send HTTP/1.1 as RFC 9112 has it.")
HEADERS_TIMEOUT: Final = ProblemKind(
    "headers_timeout", 408, "Headers not received in time", "Connect again and send the request at once."
)
HEADERS_TOO_LARGE: Final = ProblemKind(
    "headers_too_large", 431, "Request headers too large", "Send fewer or shorter headers."
)
MALFORMED_BODY: Final = ProblemKind("malformed_body", 400, "Malformed body", "Send valid UTF-8 JSON.")
INVALID_BATCH: Final = ProblemKind(
    "invalid_batch", 422, "Batch refused", "Mend the named items and send again; nothing of this request was accepted."
)
INVALID_REQUEST: Final = ProblemKind(
    "invalid_request", 400, "Request refused", "Mend the named places and send again; nothing of it was accepted."
)
SESSION_CLOSED: Final = ProblemKind(
    "session_closed", 409, "The session has ended", "Start a new one with POST /api/sessions."
)
INVALID_PARAMETER: Final = ProblemKind("invalid_parameter", 422, "Invalid parameter", "See the API reference.")
TOO_MANY_IN_FLIGHT: Final = ProblemKind(
    "too_many_in_flight", 503, "Too many batches in flight", "Wait for Retry-After, then send the same batch again."
)
TOO_MANY_CONNECTIONS: Final = ProblemKind(
    "too_many_connections", 503, "Too many connections", "Wait for Retry-After, then connect again."
)
BROKER_UNAVAILABLE: Final = ProblemKind(
    "broker_unavailable", 503, "Not accepted: the broker cannot take it now",
    "Wait for Retry-After, then send the same batch with the same batch_id.",
)  # fmt: skip
AUTH_UNAVAILABLE: Final = ProblemKind(
    "auth_unavailable", 503, "API keys are not loaded yet", "Wait for Retry-After and try again."
)
STORE_UNAVAILABLE: Final = ProblemKind(
    "store_unavailable", 503, "The database cannot answer now", "Wait for Retry-After and try again."
)
INTERNAL: Final = ProblemKind("internal", 500, "Internal error", "Try again; if it persists, report the trace id.")
