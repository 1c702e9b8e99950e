"""``python -m services.scorer``: run one scorer until SIGTERM."""

# Faust takes its event loops from the policy that is in force when it is imported.
import uvloop

uvloop.install()

import asyncio  # noqa: E402

from services.scorer.app import create_app  # noqa: E402
from services.scorer.settings import ScorerSettings  # noqa: E402
from services.scorer.stream.watchdog import end_process  # noqa: E402
from shared.logs import configure_logs  # noqa: E402


async def _run(settings: ScorerSettings) -> None:
    await create_app(settings).run()


def main() -> None:
    """Read the settings and run. Any failure ends the process; the supervisor starts it again."""
    settings = ScorerSettings()
    configure_logs("scorer", settings.log_level)
    try:
        asyncio.run(_run(settings))
    except Exception as error:
        end_process(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
