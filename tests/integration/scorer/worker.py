"""A scorer whose judge counts: ``python -m tests.integration.scorer.worker``.

``TEST_JUDGE`` chooses ``counting``; ``slow`` sleeps at every batch; ``blocking``, ``spinning``, ``crashing`` and
``hoarding`` do what they say at every batch of subject ``poison``.
"""

import uvloop

uvloop.install()

import asyncio  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

from services.scorer.app import create_app  # noqa: E402
from services.scorer.settings import ScorerSettings  # noqa: E402
from services.scorer.stream.ports import Admitted  # noqa: E402
from services.scorer.stream.watchdog import end_process  # noqa: E402
from shared.logs import configure_logs  # noqa: E402
from shared.topics import Domain  # noqa: E402
from tests.unit.scorer.stream.counting import Counted, CountingJudge, CountState  # noqa: E402


def _spin() -> None:
    while True:
        pass


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hoard() -> None:
    hoard = [bytearray(256_000_000)]
    while True:
        hoard.append(bytearray(256_000_000))


class SlowJudge(CountingJudge):
    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        time.sleep(0.0005)
        return super().fold(state, item)


class DeadlyJudge(CountingJudge):
    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def fold(self, state: CountState | None, item: Admitted) -> Counted:
        if item.batch.subject.id == "poison":
            self._act()
        return super().fold(state, item)


JUDGES = {"counting": CountingJudge, "slow": SlowJudge}
MEMORY_BYTES = 1_000_000_000  # what a scorer may take beyond what it has at its start
ACTS: dict[str, Callable[[], object]] = {
    "blocking": lambda: time.sleep(3_600),
    "spinning": _spin,
    "crashing": _crash,
    "hoarding": _hoard,
}


def _limit_memory() -> None:
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES, in_use + MEMORY_BYTES))


async def run() -> None:
    _limit_memory()
    name = os.environ.get("TEST_JUDGE", "counting")
    judge = JUDGES[name]() if name in JUDGES else DeadlyJudge(ACTS[name])
    await create_app(ScorerSettings(), {Domain.BEHAVIOR: judge}).run()


if __name__ == "__main__":
    configure_logs("scorer", os.environ.get("TEST_LOG_LEVEL", "INFO"))
    try:
        asyncio.run(run())
    except Exception as error:
        end_process(f"{type(error).__name__}: {error}")
