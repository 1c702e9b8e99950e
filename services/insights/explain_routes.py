"""``GET /v1/verdicts/{verdict_id}/explain``."""

import logging
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Response

from services.insights.access import COMMON_RESPONSES, problem_response, tenant_by
from services.insights.errors import RETRY_AFTER_S, invalid
from services.insights.explaining import CurrentRuleset, explain
from services.insights.explanations import Explanation
from services.insights.ports import RuleBook, SourceAway, VerdictStore
from shared import metrics
from shared.problems import NOT_FOUND, STORE_UNAVAILABLE, Problem
from shared.tenancy import KeyRing
from shared.topics import Domain

_log = logging.getLogger(__name__)


def explain_routes(verdicts: VerdictStore, rules: RuleBook, keys: KeyRing) -> APIRouter:
    """Make the route.

    Parameters
    ----------
    verdicts
        Where they are stored.
    rules
        The rules in force.
    keys
        Tells whose an API key is.
    """
    router = APIRouter()

    @router.get(
        "/v1/verdicts/{verdict_id}/explain",
        operation_id="explain_verdict",
        summary="Why a verdict is what it is",
        description=(
            "Gives a stored verdict of your tenant with its contributions, evidence and versions, every rule's answer "
            "with its thresholds when the rules that judged are those in force, and the batches it looked back on."
        ),
        response_class=Response,
        responses=_RESPONSES,
        tags=["Verdicts"],
    )
    async def explain_verdict(
        tenant_id: Annotated[str, Depends(tenant_by(keys))],
        verdict_id: Annotated[UUID, Path(description="The `verdict_id` of a verdict.")],
    ) -> Response:
        try:
            stored = await verdicts.stored(tenant_id, verdict_id)
        except SourceAway as error:
            _log.warning("verdict not explained: %s", error)
            raise Problem(STORE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S) from error
        if stored is None:
            raise Problem(NOT_FOUND, "there is no such verdict; one is stored a moment after it is given")
        body = msgspec.json.encode(explain(stored, await _current(rules, stored.verdict.domain)))
        metrics.INSIGHTS_REQUESTS.labels("answered").inc()
        return Response(body, media_type="application/json")

    return router


async def _current(rules: RuleBook, domain: Domain) -> CurrentRuleset | None:
    """Ask for the rules in force; what is stored is told without them too."""
    try:
        return await rules.current(domain)
    except SourceAway as error:
        _log.warning("explained without the rules in force: %s", error)
        return None


_BAD_ID: Final = invalid([("verdict_id", "invalid_value", "a UUID")], place="path")
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = COMMON_RESPONSES | {
    200: {
        "description": "The explanation",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{Explanation.__name__}"}}},
    },
    404: problem_response(Problem(NOT_FOUND)),
    422: problem_response(_BAD_ID),
}
