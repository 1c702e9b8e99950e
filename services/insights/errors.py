"""Every error leaves as an RFC 9457 problem."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.insights.ports import SourceAway
from shared import metrics
from shared.problems import (
    INTERNAL,
    INVALID_PARAMETER,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    STORE_UNAVAILABLE,
    Problem,
    ProblemKind,
)
from shared.tracing import child_of

_log = logging.getLogger(__name__)
RETRY_AFTER_S: Final = 2
_KIND_BY_STATUS: Final = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}


def invalid(items: Sequence[tuple[str, str, str]]) -> Problem:
    """Make the problem of query parameters, each given by name, code and detail."""
    errors = [{"pointer": f"/query/{name}", "code": code, "detail": detail} for name, code, detail in items]
    return Problem(INVALID_PARAMETER, errors=errors)


def install(app: FastAPI) -> None:
    """Turn everything raised into a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(SourceAway, _source_away)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _internal)


def _answer(problem: Problem, **headers: str) -> Response:
    metrics.INSIGHTS_REQUESTS.labels(problem.kind.code).inc()
    return Response(problem.body(), problem.kind.status, problem.headers() | headers)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(error)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(invalid([_item(found) for found in error.errors()]))


async def _source_away(_: Request, error: Exception) -> Response:
    _log.warning("KPIs not answered: %s", error)
    return _answer(Problem(STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _answer(Problem(_KIND_BY_STATUS.get(error.status_code, _other(error.status_code))), **headers)


async def _internal(request: Request, error: Exception) -> Response:
    traceparent = child_of(request.headers.get("traceparent"))
    _log.error("request failed", exc_info=error, extra={"traceparent": traceparent})
    return _answer(Problem(INTERNAL, f"Trace id {traceparent[3:35]}"), traceparent=traceparent)


def _item(found: dict[str, Any]) -> tuple[str, str, str]:
    # FastAPI tells ("query", name, ...); pydantic's sentence never quotes the input.
    name = str(found["loc"][1]) if len(found["loc"]) > 1 else ""
    if found["type"] == "extra_forbidden":
        return name, "unknown_parameter", "there is no such parameter"
    return name, "invalid_value", str(found["msg"]).removeprefix("Value error, ")


def _other(status: int) -> ProblemKind:
    return ProblemKind(f"http_{status}", status, "Not answered", "See the API reference.")
