"""Whose request it is, and how the API reference shows refusals."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.insights.errors import EXAMPLE_TRACE_ID, RETRY_AFTER_S
from services.insights.responses import ProblemDocument
from shared.problems import (
    AUTH_UNAVAILABLE,
    FORBIDDEN,
    INTERNAL,
    MEDIA_TYPE,
    STORE_UNAVAILABLE,
    UNAUTHENTICATED,
    Problem,
)
from shared.tenancy import KeyRing

_bearer: Final = HTTPBearer(auto_error=False, description="An API key: `tt_<key id>_<secret>`.")


def tenant_by(keys: KeyRing) -> Callable[..., Awaitable[str]]:
    """Make the dependency that gives the tenant of a request's API key."""

    async def tenant(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> str:
        if not keys.loaded:
            raise Problem(AUTH_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
        found = keys.find(credentials.credentials) if credentials is not None else None
        if found is None:
            raise Problem(UNAUTHENTICATED)
        if found.publishable:
            raise Problem(FORBIDDEN)
        return found.tenant_id

    return tenant


def problem_response(example: Problem) -> dict[str, Any]:
    """Document one problem."""
    return {
        "description": example.kind.title,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"},
                "example": example.document(EXAMPLE_TRACE_ID),
            }
        },
    }


COMMON_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    401: problem_response(Problem(UNAUTHENTICATED)),
    403: problem_response(Problem(FORBIDDEN)),
    500: problem_response(Problem(INTERNAL)),
    503: problem_response(Problem(STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S))
    | {
        "description": f"{AUTH_UNAVAILABLE.title}, or the database cannot answer now",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
    },
}
