"""``GET /v1/kpis``."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.insights.access import COMMON_RESPONSES, problem_response, tenant_by
from services.insights.errors import RETRY_AFTER_S, invalid
from services.insights.kpis import WindowError, window
from services.insights.ports import KpiStore, SourceAway
from services.insights.responses import KpiParameters, KpiReport, report
from shared import metrics
from shared.problems import STORE_UNAVAILABLE, Problem
from shared.tenancy import KeyRing

_log = logging.getLogger(__name__)


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
        tenant_id: Annotated[str, Depends(tenant_by(keys))], parameters: Annotated[KpiParameters, Query()]
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


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = COMMON_RESPONSES | {
    200: {
        "description": "The KPIs",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{KpiReport.__name__}"}}},
    },
    422: problem_response(
        invalid([("step", "too_many_points", "a series has at most 1500 points; take a longer step")])
    ),
}
