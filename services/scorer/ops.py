"""The scorer's ops routes: alive, ready, metrics, and the rules in force."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.ops import Checks, ops_routes
from shared.topics import Domain

Rulesets = Mapping[Domain, dict[str, Any]]  # its version, its rules and models as JSON-ready data


def scorer_routes(ready: Checks, rulesets: Rulesets) -> list[Route]:
    """Make the routes.

    Parameters
    ----------
    rulesets
        By domain.
    """

    async def list_rules(_: Request) -> Response:
        return JSONResponse({domain: ruleset["rules"] for domain, ruleset in rulesets.items()})

    async def list_rulesets(_: Request) -> Response:
        return JSONResponse(dict(rulesets))

    return [*ops_routes(ready), Route("/rules", list_rules), Route("/rulesets", list_rulesets)]
