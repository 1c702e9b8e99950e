"""RFC 9457 answers of a FastAPI application: whatever is raised leaves as a problem with a trace id."""

import logging
from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.problems import INTERNAL, INVALID_PARAMETER, METHOD_NOT_ALLOWED, NOT_FOUND, Problem, ProblemKind
from shared.tracing import child_of, trace_id_of

_log = logging.getLogger(__name__)
_KIND_BY_STATUS: Final = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}
_CODE_BY_TYPE: Final = {"extra_forbidden": "unknown_parameter"}
_MAX_DETAIL: Final = 200


def install_problems(app: FastAPI, count: Callable[[str], object] = lambda _: None) -> None:
    """Turn everything an application raises into a problem.

    Parameters
    ----------
    count
        Told the code of every problem answered.
    """

    def answer(request: Request, problem: Problem) -> Response:
        count(problem.kind.code)
        trace_id = trace_id_of(child_of(request.headers.get("traceparent")))
        if problem.kind is INTERNAL:
            _log.error("request failed", exc_info=problem.__cause__, extra={"trace_id": trace_id})
        return Response(problem.body(trace_id), problem.kind.status, problem.headers())

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return answer(request, error)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = answer(request, Problem(_KIND_BY_STATUS.get(error.status_code) or _other(error.status_code)))
        if allow := (error.headers or {}).get("Allow"):
            response.headers["allow"] = allow
        return response

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, Problem(INVALID_PARAMETER, errors=[_item(found) for found in error.errors()]))

    async def on_defect(request: Request, error: Exception) -> Response:
        problem = Problem(INTERNAL)
        problem.__cause__ = error
        return answer(request, problem)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_defect)


def _item(found: dict[str, Any]) -> dict[str, str]:
    # FastAPI tells ("query", name, ...); pydantic's sentence never quotes the input.
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in found["loc"])
    unknown = found["type"] == "extra_forbidden"
    detail = "there is no such parameter" if unknown else str(found["msg"]).removeprefix("Value error, ")
    return {
        "pointer": "".join(f"/{step}" for step in steps),
        "code": _CODE_BY_TYPE.get(found["type"], "invalid_value"),
        "detail": detail[:_MAX_DETAIL],
    }


def _other(status: int) -> ProblemKind:
    return ProblemKind(f"http_{status}", status, "Not answered", "See the API reference.")
