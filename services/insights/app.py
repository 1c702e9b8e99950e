"""Insights' composition root: what it is made of, in which order it starts and stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from services.insights import openapi
from services.insights.database import Database
from services.insights.explain_routes import explain_routes
from services.insights.kafka_broker import KafkaBroker
from services.insights.monitor import Monitor
from services.insights.ports import Broker, KpiStore, MonitorStore, RuleBook, VerdictStore
from services.insights.postgres import PostgresKpiStore, PostgresMonitorStore, PostgresVerdictStore
from services.insights.routes import kpi_routes
from services.insights.scorer_rules import ScorerRules
from services.insights.settings import InsightsSettings
from shared import metrics
from shared.http_problems import install_problems
from shared.kafka_connections import mend_connections
from shared.ops import ops_routes
from shared.tenancy import REFRESH_S, KeyRing, LoadKeys, load_keys_from
from shared.topics import DEAD_LETTERS, VERDICTS, Domain, events_topic

# The persister consumes these: each of their records must come to rest in PostgreSQL.
KEPT_TOPICS: Final = (*(events_topic(domain) for domain in Domain), VERDICTS, DEAD_LETTERS)
_KEYS_STALE_AFTER_S: Final = 5 * REFRESH_S


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything insights talks to, and what must be open meanwhile, in this order."""

    load_keys: LoadKeys
    kpis: KpiStore
    verdicts: VerdictStore
    rules: RuleBook
    monitor: MonitorStore
    broker: Broker
    resources: tuple[AbstractAsyncContextManager[object], ...] = ()


def real_outside(settings: InsightsSettings) -> Outside:
    """Make PostgreSQL, Kafka and the scorer of the settings; none has to be there yet."""
    mend_connections()
    tenants = Database(settings.postgres_dsn.get_secret_value(), connections=10)
    monitor = Database(settings.monitor_dsn.get_secret_value(), connections=2)
    broker = KafkaBroker(settings.kafka_bootstrap)
    rules = ScorerRules(settings.scorer_url)
    return Outside(
        load_keys_from(tenants),
        PostgresKpiStore(tenants),
        PostgresVerdictStore(tenants),
        rules,
        PostgresMonitorStore(monitor),
        broker,
        resources=(tenants, monitor, broker, rules),
    )


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def create_app(
    settings: InsightsSettings, outside: Outside | None = None, clock: Callable[[], datetime] = utc_now
) -> FastAPI:
    """Put insights together.

    Parameters
    ----------
    settings
        Read once, by the caller.
    outside
        What it talks to; by default `real_outside`.
    clock
        Gives the time, in UTC.
    """
    world = outside if outside is not None else real_outside(settings)
    keys = KeyRing(world.load_keys)
    monitor = Monitor(
        world.monitor,
        world.broker,
        tuple(settings.topic_prefix + topic for topic in KEPT_TOPICS),
        {domain: settings.topic_prefix + events_topic(domain) for domain in Domain},
        tenant_labels=settings.tenant_labels,
        clock=clock,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in world.resources:
                await stack.enter_async_context(resource)
            # Left in reverse: the tasks end before what they use is closed.
            await stack.enter_async_context(_running(keys.keep_fresh(), "keys"))
            await stack.enter_async_context(_running(monitor.keep_fresh(), "monitor"))
            yield

    def ready() -> dict[str, bool]:
        return {"api_keys": keys.loaded, "postgres": keys.loaded and keys.age_s < _KEYS_STALE_AFTER_S}

    app = FastAPIOffline(
        title="Telltale insights",
        version="1",
        description="What was sent and how it was judged: counted, and explained.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.include_router(kpi_routes(world.kpis, keys, clock))
    app.include_router(explain_routes(world.verdicts, world.rules, keys))
    app.router.routes.extend(ops_routes(ready))
    install_problems(app, lambda code: metrics.INSIGHTS_REQUESTS.labels(code).inc())
    openapi.install(app)
    return app


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run a task beside for as long as the context is open."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
