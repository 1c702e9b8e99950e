"""``python -m services.persister``."""

import asyncio
import gc
import logging
import signal
import sys

import uvloop

from services.persister.app import create_app
from services.persister.errors import Crash
from services.persister.settings import PersisterSettings
from shared.logs import configure_logs


async def _run(settings: PersisterSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await create_app(settings).run(stop)


def main() -> int:
    """Run until a signal; 0 when told to stop, 1 when going on would be wrong."""
    settings = PersisterSettings()
    configure_logs("persister", settings.log_level)
    # A write holds some 100,000 objects at once, none in a cycle: looking through them over and over is waste.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    try:
        uvloop.run(_run(settings))
    except Crash as crash:
        logging.getLogger(__name__).critical("ending: %s", crash)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
