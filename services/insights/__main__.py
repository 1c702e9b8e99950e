"""Run insights: ``python -m services.insights``."""

import uvicorn

from services.insights.app import create_app
from services.insights.settings import InsightsSettings
from shared.http_protocol import limited_protocol
from shared.logs import configure_logs


def main() -> None:
    """Read the settings and serve until a signal ends it."""
    settings = InsightsSettings()
    configure_logs("insights", settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http=limited_protocol(),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
