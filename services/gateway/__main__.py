"""Run the gateway: ``python -m services.gateway``."""

import gc
import resource
import signal
from typing import Final

import uvicorn
import uvloop

from services.gateway.app import GatewayApp, create_app, real_adapters
from services.gateway.settings import GatewaySettings
from shared import metrics
from shared.http_protocol import limited_protocol
from shared.logs import configure_logs

_OWN_FILES: Final = 256  # kept from clients: for the broker, the database, Redis, logs


async def serve(settings: GatewaySettings) -> None:
    """Serve with the real adapters, which are made inside the event loop."""
    await serve_app(settings, create_app(settings, real_adapters(settings)))


async def serve_app(settings: GatewaySettings, app: GatewayApp) -> None:
    """Serve until a signal; then finish what is in flight and close."""
    gc.freeze()  # what is loaded by now stays; collecting it again and again would only make pauses
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        http=limited_protocol(
            settings.max_header_bytes,
            settings.header_timeout_s,
            _allowed_connections(),
            metrics.GATEWAY_REFUSED_CONNECTIONS.inc,
        ),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks for the client's address
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
    )
    # Uvicorn takes signals while it serves and, when all is closed, raises them again; that is no failure.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: None)
    await uvicorn.Server(config).serve()


def _allowed_connections() -> int | None:
    """Let this process open as many files as it may, and tell how many of them clients may have."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    return None if files == resource.RLIM_INFINITY else files - min(_OWN_FILES, files // 2)


def main() -> None:
    """Read settings, configure logs, run."""
    settings = GatewaySettings()
    configure_logs("gateway", settings.log_level)
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
