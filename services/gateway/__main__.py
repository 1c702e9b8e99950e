"""Run the gateway: ``python -m services.gateway``."""

import gc
import signal

import uvicorn
import uvloop

from services.gateway.app import create_app, real_adapters
from services.gateway.settings import GatewaySettings
from shared.http_protocol import limited_protocol
from shared.logs import configure_logs


async def serve(settings: GatewaySettings) -> None:
    """Serve until a signal; then finish what is in flight and close."""
    config = uvicorn.Config(
        create_app(settings, real_adapters(settings)),
        host=settings.http_host,
        port=settings.http_port,
        http=limited_protocol(settings.max_header_bytes, settings.header_timeout_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
    )
    # Uvicorn takes signals while it serves and, when all is closed, raises them again; that is no failure.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: None)
    await uvicorn.Server(config).serve()


def main() -> None:
    """Read settings, configure logs, run."""
    settings = GatewaySettings()
    configure_logs("gateway", settings.log_level)
    gc.freeze()  # what is loaded by now stays; collecting it again and again would only make pauses
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
