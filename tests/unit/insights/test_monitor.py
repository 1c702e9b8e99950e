"""Gauges tell the truth or nothing."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.insights.books import Outcomes, Partition
from services.insights.kpis import Tally
from services.insights.memory import MemoryBroker, MemoryStore
from services.insights.monitor import Monitor
from shared import metrics
from shared.topics import VERDICTS, Domain

MINUTE = datetime(2026, 3, 1, 17, 45, tzinfo=UTC)
NOW = MINUTE + timedelta(seconds=61)
ACCEPTED = "telltale_delivery_accepted_records"
OUTCOME = "telltale_delivery_outcome_records"
UNACCOUNTED = "telltale_delivery_unaccounted_records"
KPI = "telltale_kpi_verdicts"
UNSCORED = "telltale_delivery_unscored_batches"
TOPICS = {Domain.BEHAVIOR: "events.behavior.v1"}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def broker() -> MemoryBroker:
    broker = MemoryBroker()
    broker.first[VERDICTS, 0], broker.next[VERDICTS, 0] = 0, 12
    return broker


@pytest.fixture
def monitor(store: MemoryStore, broker: MemoryBroker) -> Iterator[Monitor]:
    store.books[VERDICTS, 0] = Outcomes(0, 10, 7, 2, 1)
    yield Monitor(store, broker, (VERDICTS,), TOPICS, tenant_labels=2, clock=lambda: NOW)
    for gauge in (
        metrics.KPI_VERDICTS,
        metrics.KPI_REASONS,
        metrics.DELIVERY_ACCEPTED,
        metrics.DELIVERY_OUTCOME,
        metrics.DELIVERY_UNACCOUNTED,
        metrics.DELIVERY_UNSCORED,
        metrics.REDRIVES,
        metrics.INSIGHTS_SOURCE_UP,
        metrics.INSIGHTS_SOURCE_READ,
    ):
        gauge.clear()


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def up() -> dict[str, float | None]:
    return {source: value("telltale_insights_source_up", source=source) for source in ("postgres", "kafka")}


async def test_the_books_are_shown_by_topic(monitor: Monitor) -> None:
    await monitor.refresh()
    assert value(ACCEPTED, topic=VERDICTS) == 12
    assert {name: value(OUTCOME, topic=VERDICTS, outcome=name) for name in ("persisted", "duplicate", "rejected")} == {
        "persisted": 7,
        "duplicate": 2,
        "rejected": 1,
    }
    assert value(UNACCOUNTED, topic=VERDICTS) == 0
    assert up() == {"postgres": 1, "kafka": 1}
    assert value("telltale_insights_source_read_timestamp_seconds", source="kafka") == NOW.timestamp()


async def test_the_last_full_minute_is_shown_with_few_tenants_named(monitor: Monitor, store: MemoryStore) -> None:
    for tenant, count in {"big": 9, "mid": 5, "small": 2, "tiny": 1}.items():
        store.add(tenant, Domain.BEHAVIOR, MINUTE, Tally(verdicts={"ALLOW": count}, reasons={"FAST_FILL": 1}))
    store.add("big", Domain.BEHAVIOR, MINUTE + timedelta(minutes=1), Tally(verdicts={"ALLOW": 100}))
    await monitor.refresh()
    shown = {
        tenant: value(KPI, tenant=tenant, domain="behavior", action="ALLOW")
        for tenant in ("big", "mid", "small", "tiny", "_other")
    }
    assert shown == {"big": 9, "mid": 5, "small": None, "tiny": None, "_other": 3}
    assert value("telltale_kpi_reasons", domain="behavior", reason="FAST_FILL") == 4


async def test_a_minute_without_verdicts_leaves_none_of_the_last_one(store: MemoryStore, broker: MemoryBroker) -> None:
    store.add("acme", Domain.BEHAVIOR, MINUTE, Tally(verdicts={"BLOCK": 1}))
    times = iter([NOW, NOW, NOW, *[NOW + timedelta(minutes=1)] * 3])
    monitor = Monitor(store, broker, (VERDICTS,), TOPICS, tenant_labels=2, clock=lambda: next(times))
    await monitor.refresh()
    assert value(KPI, tenant="acme", domain="behavior", action="BLOCK") == 1
    await monitor.refresh()
    assert value(KPI, tenant="acme", domain="behavior", action="BLOCK") is None


async def test_without_kafka_the_books_vanish_and_the_kpis_stay(
    monitor: Monitor, store: MemoryStore, broker: MemoryBroker
) -> None:
    store.add("acme", Domain.BEHAVIOR, MINUTE, Tally(verdicts={"BLOCK": 1}))
    await monitor.refresh()
    broker.away = True
    await monitor.refresh()
    assert value(UNACCOUNTED, topic=VERDICTS) is None
    assert value(OUTCOME, topic=VERDICTS, outcome="persisted") is None
    assert value(KPI, tenant="acme", domain="behavior", action="BLOCK") == 1
    assert up() == {"postgres": 1, "kafka": 0}


async def test_without_postgresql_all_vanish_and_come_back(monitor: Monitor, store: MemoryStore) -> None:
    store.add("acme", Domain.BEHAVIOR, MINUTE, Tally(verdicts={"BLOCK": 1}))
    await monitor.refresh()
    store.away = True
    await monitor.refresh()
    assert value(KPI, tenant="acme", domain="behavior", action="BLOCK") is None
    assert value(ACCEPTED, topic=VERDICTS) is None
    assert up() == {"postgres": 0, "kafka": 1}
    store.away = False
    await monitor.refresh()
    assert value(ACCEPTED, topic=VERDICTS) == 12
    assert up() == {"postgres": 1, "kafka": 1}


async def test_a_defect_takes_every_number_away_and_the_monitor_goes_on(
    store: MemoryStore, broker: MemoryBroker, monitor: Monitor
) -> None:
    await monitor.refresh()

    class Broken(MemoryStore):
        async def outcomes(self, topics: object) -> Mapping[Partition, Outcomes]:
            raise KeyError("a defect")

    broken = Monitor(Broken(), broker, (VERDICTS,), TOPICS, tenant_labels=2, clock=lambda: NOW)
    task = asyncio.create_task(broken.keep_fresh())
    for _ in range(10):
        await asyncio.sleep(0)
    assert up() == {"postgres": 0, "kafka": 0}
    assert value(ACCEPTED, topic=VERDICTS) is None
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_records_that_pass_while_the_books_are_read_look_neither_lost_nor_gained(
    store: MemoryStore, broker: MemoryBroker, monitor: Monitor
) -> None:
    class Busy(MemoryStore):
        """Between the two reads of the broker, five more records arrive and are persisted."""

        async def outcomes(self, topics: object) -> Mapping[Partition, Outcomes]:
            broker.next[VERDICTS, 0] = 17
            return {(VERDICTS, 0): Outcomes(0, 15, 15, 0, 0)}

    await Monitor(Busy(), broker, (VERDICTS,), TOPICS, tenant_labels=2, clock=lambda: NOW).refresh()
    assert (value(ACCEPTED, topic=VERDICTS), value(UNACCOUNTED, topic=VERDICTS)) == (17, 0)


async def test_batches_that_nobody_judged_are_told(monitor: Monitor, store: MemoryStore) -> None:
    long_ago = NOW - timedelta(minutes=10)
    store.add("acme", Domain.BEHAVIOR, long_ago, Tally(batches=9, verdicts={"ALLOW": 6}))
    store.letters += [(long_ago, TOPICS[Domain.BEHAVIOR], "scorer", "fold_failed")]
    await monitor.refresh()
    assert value(UNSCORED, domain="behavior") == 2


async def test_what_came_a_moment_ago_is_not_late(monitor: Monitor, store: MemoryStore) -> None:
    store.add("acme", Domain.BEHAVIOR, NOW - timedelta(minutes=2), Tally(batches=9))
    await monitor.refresh()
    assert value(UNSCORED, domain="behavior") == 0


async def test_redrives_are_told_and_vanish_with_their_source(monitor: Monitor, store: MemoryStore) -> None:
    store.redriven["scorer", "claimed"] = 2
    await monitor.refresh()
    assert value("telltale_redrives", stage="scorer", status="claimed") == 2
    store.away = True
    await monitor.refresh()
    assert value("telltale_redrives", stage="scorer", status="claimed") is None
    assert value(UNSCORED, domain="behavior") is None
    store.away = False
    await monitor.refresh()
    assert value("telltale_redrives", stage="scorer", status="claimed") == 2


async def test_an_hour_is_not_added_up_at_every_refresh(store: MemoryStore, broker: MemoryBroker) -> None:
    now = [NOW]
    monitor = Monitor(store, broker, (VERDICTS,), TOPICS, tenant_labels=2, clock=lambda: now[0])
    await monitor.refresh()
    store.add("acme", Domain.BEHAVIOR, NOW - timedelta(minutes=10), Tally(batches=1))
    now[0] += timedelta(seconds=19)
    await monitor.refresh()
    assert value(UNSCORED, domain="behavior") == 0
    now[0] += timedelta(seconds=1)
    await monitor.refresh()
    assert value(UNSCORED, domain="behavior") == 1
