"""The small HTTP side of a worker: ``/healthz`` (alive), ``/readyz`` (can do its job) and ``/metrics``."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.http_protocol import limited_protocol

Checks = Callable[[], Mapping[str, bool]]


def ops_routes(ready: Checks) -> list[Route]:
    """Make the three routes.

    Parameters
    ----------
    ready
        Tells, by name, what the service needs and whether it is there.
    """

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        checks = dict(ready())
        return JSONResponse({"ready": all(checks.values()), "checks": checks}, 200 if all(checks.values()) else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to the process it lives in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(routes: list[Route], host: str, port: int) -> AsyncIterator[uvicorn.Server]:
    """Serve routes for as long as the context is open.

    Raises
    ------
    RuntimeError
        When the address cannot be listened on.
    """
    config = uvicorn.Config(
        Starlette(routes=routes),
        host=host,
        port=port,
        http=limited_protocol(),
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(), name="ops-server")
    while not server.started:
        if task.done():
            raise RuntimeError(f"cannot listen on {host}:{port}")
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await task
