"""The scorer's ops routes: alive, ready, metrics, and the rules in force."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.ops import Checks, ops_routes
from shared.topics import Domain

Rules = Mapping[Domain, list[dict[str, Any]]]


def scorer_routes(ready: Checks, rules: Rules) -> list[Route]:
    """Make the routes.

    Parameters
    ----------
    rules
        Each domain's rules as JSON-ready data.
    """

    async def list_rules(_: Request) -> Response:
        return JSONResponse(dict(rules))

    return [*ops_routes(ready), Route("/rules", list_rules)]
