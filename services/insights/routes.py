"""``GET /v1/kpis``."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.insights.errors import EXAMPLE_TRACE_ID, RETRY_AFTER_S, invalid
from services.insights.kpis import WindowError, window
from services.insights.ports import KpiStore, SourceAway
from services.insights.responses import KpiParameters, KpiReport, ProblemDocument, report
from shared import metrics
from shared.problems import (
    AUTH_UNAVAILABLE,
    INTERNAL,
    MEDIA_TYPE,
    STORE_UNAVAILABLE,
    UNAUTHENTICATED,
    Problem,
)
from shared.tenancy import KeyRing

_log = logging.getLogger(__name__)
_bearer: Final = HTTPBearer(auto_error=False, description="An API key: `tt_<key id>_<secret>`.")


def kpi_routes(store: KpiStore, keys: KeyRing, clock: Callable[[], datetime]) -> APIRouter:
    """Make the routes.

    Parameters
    ----------
    store
        Where the counts are.
    keys
        Tells whose an API key is.
    clock
        Gives the time, in UTC.
    """
    router = APIRouter()

    async def tenant(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> str:
        if not keys.loaded:
            raise Problem(AUTH_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
        found = keys.tenant_of(credentials.credentials) if credentials is not None else None
        if found is None:
            raise Problem(UNAUTHENTICATED)
        return found

    @router.get(
        "/v1/kpis",
        operation_id="read_kpis",
        summary="Counts, rates and mean risk over time",
        description=(
            "Counts batches, events, verdicts and dead letters of your tenant in the half-open range [`from`, `to`), "
            "by the minute the gateway received them. The series has one point for every step, zeros included, "
            "and the totals are the sum of the series."
        ),
        response_class=Response,
        responses=_RESPONSES,
        dependencies=[Depends(_no_repeats)],
        tags=["KPIs"],
    )
    async def read_kpis(
        tenant_id: Annotated[str, Depends(tenant)], parameters: Annotated[KpiParameters, Query()]
    ) -> Response:
        try:
            asked = window(parameters.start, parameters.end, parameters.step, now=clock())
        except WindowError as error:
            raise invalid([(error.parameter, error.code, error.detail)]) from None
        started_s = time.perf_counter()
        try:
            with_reasons = "reason" in parameters.groups
            tallies = await store.tallies(tenant_id, asked, parameters.domain, with_reasons=with_reasons)
        except SourceAway as error:
            _log.warning("KPIs not answered: %s", error)
            raise Problem(STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S) from error
        metrics.KPI_QUERY_SECONDS.observe(time.perf_counter() - started_s)
        metrics.INSIGHTS_REQUESTS.labels("answered").inc()
        return Response(msgspec.json.encode(report(asked, tallies, parameters)), media_type="application/json")

    return router


async def _no_repeats(request: Request) -> None:
    """Refuse a parameter given twice: the framework would quietly take the last."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    if repeated := sorted(name for name, count in given.items() if count > 1):
        raise invalid([(name, "repeated_parameter", "given more than once") for name in repeated])


def _problem(example: Problem) -> dict[str, Any]:
    return {
        "description": example.kind.title,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"},
                "example": example.document(EXAMPLE_TRACE_ID),
            }
        },
    }


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The KPIs",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{KpiReport.__name__}"}}},
    },
    401: _problem(Problem(UNAUTHENTICATED)),
    422: _problem(invalid([("step", "too_many_points", "a series has at most 1500 points; take a longer step")])),
    500: _problem(Problem(INTERNAL)),
    503: _problem(Problem(STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S))
    | {
        "description": f"{AUTH_UNAVAILABLE.title}, or the database cannot answer now",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
    },
}
