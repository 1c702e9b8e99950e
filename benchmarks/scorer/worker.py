"""A scorer with the light judge: ``python -m benchmarks.scorer.worker``."""

# Faust takes its event loops from the policy that is in force when it is imported.
import uvloop

uvloop.install()

import asyncio  # noqa: E402

from benchmarks.scorer.judges import LightJudge  # noqa: E402
from services.scorer.app import create_app  # noqa: E402
from services.scorer.settings import ScorerSettings  # noqa: E402
from shared.logs import configure_logs  # noqa: E402
from shared.topics import Domain  # noqa: E402


async def _run() -> None:
    await create_app(ScorerSettings(), {Domain.BEHAVIOR: LightJudge()}).run()


if __name__ == "__main__":
    configure_logs("scorer", "INFO")
    asyncio.run(_run())
