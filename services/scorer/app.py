"""The scorer's composition root."""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import Mapping
from typing import Any, Final

from services.scorer import pipeline
from services.scorer.ops import Rulesets, scorer_routes
from services.scorer.settings import ScorerSettings
from services.scorer.stream.announcer import RedisAnnouncer
from services.scorer.stream.broker import ask_broker, until_broker_answers
from services.scorer.stream.ports import Admitted, Announcer, Judge
from services.scorer.stream.watchdog import end_process
from services.scorer.stream.worker import Worker
from shared.kafka_connections import mend_connections
from shared.ops import serving
from shared.topics import Domain

_log = logging.getLogger(__name__)
_OBJECTS_BETWEEN_SEARCHES: Final = 50_000


class PipelineJudge:
    """The pure core with a domain's rules, as the stream's judge."""

    def __init__(self, ruleset: pipeline.Ruleset) -> None:
        self._ruleset = ruleset
        self.encode = pipeline.encode_state
        self.decode = pipeline.decode_state
        self.is_expired = pipeline.is_expired
        self.last_verdict = pipeline.last_verdict

    def fold(self, state: pipeline.SubjectState | None, item: Admitted) -> pipeline.Folded:
        """See `Judge`."""
        return pipeline.fold(
            state,
            pipeline.ScoredInput(item.tenant_id, item.domain, item.received_at, item.clock_skew_ms, item.batch),
            self._ruleset,
        )


class Scorer:
    """The whole service.

    Parameters
    ----------
    rulesets
        What ``/rules`` and ``/rulesets`` show.
    """

    def __init__(
        self, settings: ScorerSettings, judges: Mapping[Domain, Judge[Any]], announcer: Announcer, rulesets: Rulesets
    ) -> None:
        self._settings = settings
        self._announcer = announcer
        self._rulesets = rulesets
        self._worker = Worker(settings, judges, announcer)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Ends the process itself when stopping takes too long."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._request_stop, stop)
        # Nearly all garbage is freed by counting; searching for cycles among 700 new objects at a time costs 5 %.
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
        routes = scorer_routes(self._worker.checks, self._rulesets)
        async with serving(routes, self._settings.http_host, self._settings.http_port) as server:
            _log.info("ops routes on port %d", server.servers[0].sockets[0].getsockname()[1])
            await until_broker_answers(lambda: ask_broker(self._settings.kafka_bootstrap), stop)
            if not stop.is_set():
                await self._worker.run(stop)
        await self._announcer.close()
        _log.info("stopped")

    def _request_stop(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            return
        _log.info("asked to stop")
        stop.set()
        deadline = threading.Timer(self._settings.stop_timeout_s, end_process, ("stopping took too long",))
        deadline.daemon = True
        deadline.start()


def create_app(
    settings: ScorerSettings,
    judges: Mapping[Domain, Judge[Any]] | None = None,
    announcer: Announcer | None = None,
) -> Scorer:
    """Put the service together. Call it inside the event loop it shall run in.

    Parameters
    ----------
    judges
        In place of every scored domain's own rules.
    announcer
        In place of Redis.
    """
    mend_connections()
    rulesets: Rulesets = {}
    if judges is None:
        loaded = {domain: pipeline.load_ruleset(domain) for domain in pipeline.scored_domains()}
        judges = {domain: PipelineJudge(ruleset) for domain, ruleset in loaded.items()}
        rulesets = {
            domain: {
                "version": ruleset.version,
                "rules": ruleset.describe(),
                "models": [model.describe() for model in ruleset.models],
            }
            for domain, ruleset in loaded.items()
        }
    if announcer is None:
        announcer = RedisAnnouncer.connect(settings.redis_url.get_secret_value())
    return Scorer(settings, judges, announcer, rulesets)
