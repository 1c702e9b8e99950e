"""The OpenAPI document. Answers are written without pydantic, so their models are added by hand."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from services.insights.responses import KpiReport, ProblemDocument


def install(app: FastAPI) -> None:
    """Make the app serve the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            written = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            _, models = models_json_schema(
                [(KpiReport, "serialization"), (ProblemDocument, "serialization")],
                ref_template="#/components/schemas/{model}",
            )
            written.setdefault("components", {}).setdefault("schemas", {}).update(models["$defs"])
            app.openapi_schema = written
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
