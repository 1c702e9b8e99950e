"""Keeps the gauges of KPIs and delivery books true: read every few seconds, absent while their source is away."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from services.insights.books import Bounds, Scoring, TopicBooks, balance, top_or_other
from services.insights.kpis import Step, step_start
from services.insights.ports import Broker, MinuteCounts, MonitorStore, Source, SourceAway
from shared import metrics
from shared.topics import Domain

_log = logging.getLogger(__name__)
REFRESH_S: Final = 2.0
# No tenant id starts with an underscore, so no tenant can be mistaken for the rest.
OTHER_TENANTS: Final = "_other"
_SOURCES: Final[tuple[Source, ...]] = ("postgres", "kafka")
# A batch is judged within milliseconds; what is not after this long hangs or is lost.
_SCORED_WITHIN: Final = timedelta(minutes=2)
_SCORING_SPAN: Final = timedelta(hours=1)
_SCORING_EVERY: Final = timedelta(seconds=20)
_KPI_GAUGES: Final = (metrics.KPI_VERDICTS, metrics.KPI_REASONS)
_BOOKS_GAUGES: Final = (metrics.DELIVERY_ACCEPTED, metrics.DELIVERY_OUTCOME, metrics.DELIVERY_UNACCOUNTED)
_SCORING_GAUGES: Final = (metrics.DELIVERY_UNSCORED, metrics.REDRIVES)


class Monitor:
    """Reads the sources and sets the gauges.

    Parameters
    ----------
    store, broker
        The sources.
    topics
        Topics whose records must all come to rest in PostgreSQL, with their prefix.
    events_topics
        Each domain's own among them.
    tenant_labels
        How many tenants are named in labels.
    clock
        Gives the time, in UTC.
    """

    def __init__(
        self,
        store: MonitorStore,
        broker: Broker,
        topics: tuple[str, ...],
        events_topics: Mapping[Domain, str],
        *,
        tenant_labels: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._broker = broker
        self._topics = topics
        self._events_topics = events_topics
        self._scoring_due_at: datetime | None = None  # None: now
        self._tenant_labels = tenant_labels
        self._clock = clock

    async def keep_fresh(self) -> None:
        """Refresh every 2 seconds until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception:
                # A defect here must not leave numbers standing that nobody reads any more.
                _log.exception("gauges not refreshed")
                _clear(_KPI_GAUGES + _BOOKS_GAUGES + _SCORING_GAUGES)
                self._scoring_due_at = None
                self._tell(set(_SOURCES))
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Read both sources once and set every gauge, or take away those that cannot be known."""
        away: set[Source] = set()
        now = self._clock()
        try:
            _show_minute(await self._last_minute(now), self._tenant_labels)
            await self._scoring(now)
        except SourceAway as error:
            away.add(error.source)
            _clear(_KPI_GAUGES + _SCORING_GAUGES)
            self._scoring_due_at = None
            _log.warning("KPI gauges are absent: %s", error)
        try:
            _show_books(await self._books())
        except SourceAway as error:
            away.add(error.source)
            _clear(_BOOKS_GAUGES)
            _log.warning("delivery gauges are absent: %s", error)
        self._tell(away)

    async def _last_minute(self, now: datetime) -> MinuteCounts:
        return await self._store.minute(step_start(now, Step.MINUTE) - timedelta(minutes=1))

    async def _scoring(self, now: datetime) -> None:
        """Tell what was not judged; less often, as it adds up an hour."""
        if self._scoring_due_at is not None and now < self._scoring_due_at:
            return
        end = step_start(now - _SCORED_WITHIN, Step.MINUTE)
        scoring = await self._store.scoring(end - _SCORING_SPAN, end, self._events_topics)
        _show_scoring(scoring, await self._store.redrives())
        self._scoring_due_at = now + _SCORING_EVERY

    async def _books(self) -> dict[str, TopicBooks]:
        # In this order, or records that come and go in between would look lost.
        beginnings = await self._broker.beginnings(self._topics)
        outcomes = await self._store.outcomes(self._topics)
        ends = await self._broker.ends(beginnings)
        return balance({at: Bounds(first, ends[at]) for at, first in beginnings.items()}, outcomes)

    def _tell(self, away: set[Source]) -> None:
        for source in _SOURCES:
            metrics.INSIGHTS_SOURCE_UP.labels(source).set(source not in away)
            if source not in away:
                metrics.INSIGHTS_SOURCE_READ.labels(source).set(self._clock().timestamp())


def _show_minute(counts: MinuteCounts, tenant_labels: int) -> None:
    by_tenant: dict[str, int] = {}
    for (tenant, _, _), count in counts.verdicts.items():
        by_tenant[tenant] = by_tenant.get(tenant, 0) + count
    label_of = top_or_other(by_tenant, tenant_labels, OTHER_TENANTS)
    _clear(_KPI_GAUGES)
    for (tenant, domain, action), count in counts.verdicts.items():
        metrics.KPI_VERDICTS.labels(label_of[tenant], domain, action).inc(count)
    for (domain, reason), count in counts.reasons.items():
        metrics.KPI_REASONS.labels(domain, reason).set(count)


def _show_scoring(scoring: Mapping[Domain, Scoring], redrives: Mapping[tuple[str, str], int]) -> None:
    _clear(_SCORING_GAUGES)
    for domain, counts in scoring.items():
        metrics.DELIVERY_UNSCORED.labels(domain).set(counts.unscored)
    for (stage, status), letters in redrives.items():
        metrics.REDRIVES.labels(stage, status).set(letters)


def _show_books(books: dict[str, TopicBooks]) -> None:
    _clear(_BOOKS_GAUGES)
    for topic, told in books.items():
        metrics.DELIVERY_ACCEPTED.labels(topic).set(told.accepted)
        metrics.DELIVERY_OUTCOME.labels(topic, "persisted").set(told.persisted)
        metrics.DELIVERY_OUTCOME.labels(topic, "duplicate").set(told.duplicates)
        metrics.DELIVERY_OUTCOME.labels(topic, "rejected").set(told.rejected)
        metrics.DELIVERY_UNACCOUNTED.labels(topic).set(told.unaccounted)


def _clear(gauges: tuple[Gauge, ...]) -> None:
    for gauge in gauges:
        gauge.clear()
