"""The shop: one page, and a route for orders that asks the gateway about the session before it takes one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import httpx
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field

from deploy.demo.challenges import Challenges
from deploy.demo.settings import DemoSettings

_PAGES: Final = Path(__file__).parent / "pages"
_TIMEOUT_S: Final = 5.0


class _Judged(NamedTuple):
    """What the shop makes of a verdict."""

    trust: int | None
    needs_challenge: bool
    blocked: bool


_UNKNOWN: Final = _Judged(None, needs_challenge=True, blocked=False)


class Order(BaseModel):
    """What the page posts. The shop has no use for names and addresses; a real one would read them here."""

    session_id: UUID | None = None  # none of visitors who ask not to be watched
    challenge_id: Annotated[str, Field(max_length=64)] = ""
    answer: Annotated[str, Field(max_length=16)] = ""


def create_app(settings: DemoSettings, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Make the shop.

    Parameters
    ----------
    settings
        Keys and addresses.
    transport
        Carries requests to the gateway instead of the network.
    """
    challenges = Challenges()
    gateway = httpx.AsyncClient(
        base_url=settings.gateway_url,
        headers={"authorization": f"Bearer {settings.demo_api_key.get_secret_value()}"},
        timeout=_TIMEOUT_S,
        transport=transport,
    )
    page = _page(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await gateway.aclose()

    app = FastAPI(title="Demo shop", lifespan=lifespan, openapi_url=None)

    @app.get("/")
    async def checkout() -> Response:
        return HTMLResponse(page, headers={"content-security-policy": _policy(settings.gateway_url)})

    @app.get("/checkout.css")
    async def style() -> Response:
        return FileResponse(_PAGES / "checkout.css")

    @app.get("/checkout.js")
    async def script() -> Response:
        return FileResponse(_PAGES / "checkout.js")

    @app.get("/telltale.min.js")
    async def sdk() -> Response:
        return FileResponse(settings.sdk)

    @app.get("/readyz")
    async def readyz() -> Response:
        if not settings.sdk.exists():
            return JSONResponse({"ready": False, "why": f"no {settings.sdk}; `make sdk` builds it"}, 503)
        return JSONResponse({"ready": True})

    @app.post("/orders")
    async def order(wanted: Order) -> Response:
        session_id = str(wanted.session_id or "")
        try:
            found = await _judge(gateway, session_id)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            # A shop may well take orders unseen while the gateway is away; this one tells instead.
            return JSONResponse({"status": "unavailable", "why": type(error).__name__}, 503)
        told: dict[str, Any] = {"trust": found.trust}
        if found.blocked:
            return JSONResponse(told | {"status": "refused"}, 403)
        if found.needs_challenge and not challenges.solved(wanted.challenge_id, session_id, wanted.answer):
            asked = challenges.ask(session_id)
            told |= {"status": "challenge", "challenge_id": asked.challenge_id, "question": asked.question}
            return JSONResponse(told, 403)
        return JSONResponse(told | {"status": "ordered"}, 201)

    return app


async def _judge(gateway: httpx.AsyncClient, session_id: str) -> _Judged:
    """Ask for the latest verdict on a session. Whom nobody knows anything of is asked a question, and no more."""
    if not session_id:
        return _UNKNOWN
    answer = await gateway.get(f"/api/sessions/{session_id}/status")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return _UNKNOWN
    answer.raise_for_status()
    result = answer.json()["result"]
    if result is None:
        return _UNKNOWN
    return _Judged(result["trust_score"], result["needs_challenge"], result["verdict"]["action"] == "BLOCK")


def _page(settings: DemoSettings) -> str:
    template = Template((_PAGES / "checkout.html").read_text())
    return template.substitute(key=escape(settings.demo_page_key), endpoint=escape(settings.gateway_url))


def _policy(gateway_url: str) -> str:
    return f"default-src 'self'; connect-src 'self' {gateway_url}; img-src 'self' data:; frame-ancestors 'none'"
