"""The OpenAPI document. Answers are written without pydantic, so their models are added by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.insights import explanations
from services.insights.kpis import Step, Tally, Window
from services.insights.responses import KpiParameters, KpiReport, ProblemDocument, report


def install(app: FastAPI) -> None:
    """Make the app serve the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            written = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            answers: tuple[type[BaseModel], ...] = (KpiReport, explanations.Explanation, ProblemDocument)
            _, models = models_json_schema(
                [(model, "serialization") for model in answers], ref_template="#/components/schemas/{model}"
            )
            written.setdefault("components", {}).setdefault("schemas", {}).update(models["$defs"])
            for path, example in _EXAMPLES.items():
                answered = written["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
                answered["example"] = msgspec.to_builtins(example())
            app.openapi_schema = written
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _kpis() -> dict[str, Any]:
    """Give an answer. Through ``responses`` the framework would drop its nulls."""
    start = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
    asked = Window(start, start + timedelta(minutes=2), Step.MINUTE)
    busy = Tally(40, 2_000, 1, {"ALLOW": 36, "CHALLENGE": 1, "BLOCK": 3}, 4.2, {"NO_POINTER_MOVEMENT": 4})
    return report(asked, {start: busy}, KpiParameters.model_validate({"group_by": "action,reason"}))


_EXAMPLES: Final = {"/v1/kpis": _kpis, "/v1/verdicts/{verdict_id}/explain": explanations.example}
