"""Run the demo shop: ``python -m deploy.demo``."""

import uvicorn

from deploy.demo.app import create_app
from deploy.demo.settings import DemoSettings
from shared.logs import configure_logs


def main() -> None:
    """Read the settings and serve until a signal ends it."""
    settings = DemoSettings.model_validate({})
    configure_logs("demo", settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
