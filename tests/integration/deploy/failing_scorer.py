"""A scorer whose rules raise on every batch: ``python -m tests.integration.deploy.failing_scorer``."""

import uvloop

uvloop.install()

import asyncio  # noqa: E402

from services.scorer import pipeline  # noqa: E402
from services.scorer.app import PipelineJudge, create_app  # noqa: E402
from services.scorer.settings import ScorerSettings  # noqa: E402
from services.scorer.stream.ports import Admitted  # noqa: E402
from shared.logs import configure_logs  # noqa: E402
from shared.topics import Domain  # noqa: E402


class FailingJudge(PipelineJudge):
    def fold(self, state: pipeline.SubjectState | None, item: Admitted) -> pipeline.Folded:
        raise ArithmeticError("a defect that the next version does not have")


async def run() -> None:
    judge = FailingJudge(pipeline.load_ruleset(Domain.BEHAVIOR))
    await create_app(ScorerSettings(), {Domain.BEHAVIOR: judge}).run()


if __name__ == "__main__":
    configure_logs("scorer", "INFO")
    asyncio.run(run())
