"""A scorer whose judge counts: ``python -m tests.integration.scorer.worker``.

``TEST_JUDGE`` chooses ``counting``, ``blocking`` (stops the event loop at the first batch of subject ``stuck``) or
``pipeline`` (the real rules).
"""

import uvloop

uvloop.install()

import asyncio  # noqa: E402
import os  # noqa: E402
import time  # noqa: E402

from services.scorer.app import create_app  # noqa: E402
from services.scorer.settings import ScorerSettings  # noqa: E402
from services.scorer.stream.ports import Admitted  # noqa: E402
from services.scorer.stream.watchdog import end_process  # noqa: E402
from shared.logs import configure_logs  # noqa: E402
from shared.topics import Domain  # noqa: E402
from tests.unit.scorer.stream.counting import Counted, CountingJudge, CountState  # noqa: E402


class BlockingJudge(CountingJudge):
    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        if item.batch.subject.id == "stuck":
            time.sleep(3_600)
        return super().fold(state, item)


JUDGES = {"counting": CountingJudge, "blocking": BlockingJudge}


async def run() -> None:
    judge = JUDGES.get(os.environ.get("TEST_JUDGE", "counting"))
    judges = {Domain.BEHAVIOR: judge()} if judge is not None else None
    await create_app(ScorerSettings(), judges).run()


if __name__ == "__main__":
    configure_logs("scorer", os.environ.get("TEST_LOG_LEVEL", "INFO"))
    try:
        asyncio.run(run())
    except Exception as error:
        end_process(f"{type(error).__name__}: {error}")
