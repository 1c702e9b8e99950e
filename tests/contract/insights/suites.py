"""What every adapter of insights' ports must do. An adapter's test module subclasses a suite and gives its fixture."""

import random
import uuid
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from services.insights.books import Outcomes
from services.insights.kpis import Step, Tally, Window, total
from services.insights.ports import Broker, KpiStore, MonitorStore, SourceAway
from shared.topics import Domain

# Yesterday: far enough from now that nobody else's clock plays a part, near enough that nothing forgets it.
HOUR = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)
MINUTE = timedelta(minutes=1)
EIGHTH = 0.125  # adds up without rounding


class StoreWorld(Protocol):
    """A store, and the means to make things happen in it."""

    kpis: KpiStore
    monitor: MonitorStore

    @abstractmethod
    async def batch(self, tenant_id: str, domain: Domain, at: datetime, *, events: int) -> None: ...

    @abstractmethod
    async def verdict(
        self, tenant_id: str, domain: Domain, at: datetime, *, action: str, risk: float, reasons: tuple[str, ...] = ()
    ) -> None: ...

    @abstractmethod
    async def dead_letter(
        self,
        tenant_id: str | None,
        at: datetime,
        *,
        topic: str = "t",
        stage: str = "scorer",
        reason: str = "undecodable",
    ) -> None: ...

    @abstractmethod
    async def books(self, topic: str, partition: int, told: Outcomes) -> None: ...

    @abstractmethod
    async def go_away(self) -> None: ...


def window(minutes: int, step: Step = Step.MINUTE, start: datetime = HOUR) -> Window:
    return Window(start, start + minutes * MINUTE, step)


@pytest.fixture
def tenant_id() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


class StoreContract:
    """`KpiStore` and `MonitorStore`."""

    async def test_scoring_is_counted_by_domain_and_span(self, world: StoreWorld, tenant_id: str) -> None:
        topic, minute = f"events.{tenant_id}", HOUR - random.randrange(1, 8_000) * MINUTE  # nobody else's minute
        topics = {Domain.FLEET: topic}
        before = await world.monitor.scoring(minute, minute + MINUTE, topics)
        for at in (minute - timedelta(microseconds=1), minute, minute + MINUTE):
            await world.batch(tenant_id, Domain.FLEET, at, events=1)
            await world.batch(tenant_id, Domain.FLEET, at, events=1)
            await world.verdict(tenant_id, Domain.FLEET, at, action="ALLOW", risk=EIGHTH)
            await world.dead_letter(tenant_id, at, topic=topic, stage="scorer")
            await world.dead_letter(None, at, topic=topic, stage="scorer")
            await world.dead_letter(tenant_id, at, topic=topic, stage="persister")
            await world.dead_letter(tenant_id, at, topic=topic, stage="persister", reason="batch_id_conflict")
            await world.dead_letter(tenant_id, at, topic="another", stage="persister")
        after = await world.monitor.scoring(minute, minute + MINUTE, topics)
        old, new = before[Domain.FLEET], after[Domain.FLEET]
        assert (new.batches - old.batches, new.verdicts - old.verdicts) == (2, 1)
        assert (new.rows_refused, new.scores_refused) == (1, 2)

    async def test_what_never_happened_is_not_counted(self, world: StoreWorld, tenant_id: str) -> None:
        assert await world.kpis.tallies(tenant_id, window(60), None, with_reasons=True) == {}

    async def test_everything_is_counted_by_its_minute(self, world: StoreWorld, tenant_id: str) -> None:
        await world.batch(tenant_id, Domain.BEHAVIOR, HOUR, events=50)
        await world.batch(tenant_id, Domain.BEHAVIOR, HOUR + timedelta(seconds=59.999), events=7)
        await world.verdict(tenant_id, Domain.BEHAVIOR, HOUR, action="ALLOW", risk=EIGHTH)
        await world.verdict(
            tenant_id, Domain.BEHAVIOR, HOUR + MINUTE, action="BLOCK", risk=7 * EIGHTH, reasons=("FIRST", "SECOND")
        )
        await world.verdict(tenant_id, Domain.BEHAVIOR, HOUR + MINUTE, action="ALLOW", risk=EIGHTH, reasons=("FIRST",))
        await world.dead_letter(tenant_id, HOUR + MINUTE)
        assert await world.kpis.tallies(tenant_id, window(2), None, with_reasons=True) == {
            HOUR: Tally(batches=2, events=57, verdicts={"ALLOW": 1}, risk_sum=EIGHTH),
            HOUR + MINUTE: Tally(
                dead_letters=1, verdicts={"ALLOW": 1, "BLOCK": 1}, risk_sum=1.0, reasons={"FIRST": 2, "SECOND": 1}
            ),
        }

    @pytest.mark.parametrize("first", [0, 1, 59])
    @pytest.mark.parametrize("length", [1, 59, 60, 61, 119, 179, 240])
    async def test_a_long_step_counts_the_same_minutes(
        self, world: StoreWorld, tenant_id: str, first: int, length: int
    ) -> None:
        """Whole hours may be read from other counts than the minutes around them."""
        happened = [0, 1, 58, 59, 60, 119, 120, 121, 179, 180, 239, 240, 299]
        for minute in happened:
            at = HOUR + minute * MINUTE
            await world.batch(tenant_id, Domain.BEHAVIOR, at, events=3)
            await world.verdict(tenant_id, Domain.BEHAVIOR, at, action="BLOCK", risk=EIGHTH, reasons=("FIRST",))
            await world.dead_letter(tenant_id, at)
        within = [minute for minute in happened if first <= minute < first + length]
        asked = window(length, Step.HOUR, HOUR + first * MINUTE)
        found = await world.kpis.tallies(tenant_id, asked, None, with_reasons=True)
        count = len(within)
        assert total(found.values()) == Tally(
            count, 3 * count, count, {"BLOCK": count} if count else {}, count * EIGHTH,
            {"FIRST": count} if count else {},
        )  # fmt: skip
        assert set(found) == {HOUR + minute // 60 * timedelta(hours=1) for minute in within}

    async def test_the_start_is_included_and_the_end_is_not(self, world: StoreWorld, tenant_id: str) -> None:
        for minute in range(4):
            await world.batch(tenant_id, Domain.BEHAVIOR, HOUR + minute * MINUTE, events=10**minute)
        found = await world.kpis.tallies(tenant_id, window(2, start=HOUR + MINUTE), None, with_reasons=False)
        assert {at: tally.events for at, tally in found.items()} == {HOUR + MINUTE: 10, HOUR + 2 * MINUTE: 100}

    @pytest.mark.parametrize(
        ("step", "starts"),
        [
            (Step.HOUR, [HOUR - timedelta(hours=1), HOUR]),
            (Step.DAY, [HOUR.replace(hour=0)]),
        ],
    )
    async def test_longer_steps_are_summed_on_their_utc_boundary(
        self, world: StoreWorld, tenant_id: str, step: Step, starts: list[datetime]
    ) -> None:
        for minutes in (-1, 0, 59):
            await world.batch(tenant_id, Domain.BEHAVIOR, HOUR + minutes * MINUTE, events=1)
            await world.verdict(
                tenant_id, Domain.BEHAVIOR, HOUR + minutes * MINUTE, action="ALLOW", risk=EIGHTH, reasons=("FIRST",)
            )
        asked = window(120, step, start=HOUR - timedelta(hours=1))
        found = await world.kpis.tallies(tenant_id, asked, None, with_reasons=True)
        assert sorted(found) == starts
        assert sum(tally.events for tally in found.values()) == 3
        assert sum(tally.reasons["FIRST"] for tally in found.values()) == 3

    async def test_one_domain_is_counted_alone_and_without_dead_letters(
        self, world: StoreWorld, tenant_id: str
    ) -> None:
        for domain, events in ((Domain.BEHAVIOR, 1), (Domain.FLEET, 20)):
            await world.batch(tenant_id, domain, HOUR, events=events)
            await world.verdict(tenant_id, domain, HOUR, action="ALLOW", risk=EIGHTH, reasons=(f"R_{domain.name}",))
        await world.dead_letter(tenant_id, HOUR)
        found = await world.kpis.tallies(tenant_id, window(1), Domain.FLEET, with_reasons=True)
        assert found == {HOUR: Tally(1, 20, 0, {"ALLOW": 1}, EIGHTH, {"R_FLEET": 1})}

    async def test_reasons_are_counted_only_when_asked_for(self, world: StoreWorld, tenant_id: str) -> None:
        await world.verdict(tenant_id, Domain.BEHAVIOR, HOUR, action="BLOCK", risk=1, reasons=("FIRST",))
        found = await world.kpis.tallies(tenant_id, window(1), None, with_reasons=False)
        assert found == {HOUR: Tally(verdicts={"BLOCK": 1}, risk_sum=1.0)}

    async def test_no_tenant_is_told_of_another(self, world: StoreWorld, tenant_id: str) -> None:
        other = f"{tenant_id}-other"
        await world.batch(other, Domain.BEHAVIOR, HOUR, events=5)
        await world.verdict(other, Domain.BEHAVIOR, HOUR, action="ALLOW", risk=0, reasons=("FIRST",))
        await world.dead_letter(other, HOUR)
        await world.dead_letter(None, HOUR)
        assert await world.kpis.tallies(tenant_id, window(60), None, with_reasons=True) == {}

    async def test_the_monitor_counts_one_minute_across_tenants(self, world: StoreWorld, tenant_id: str) -> None:
        code, other = f"R_{tenant_id[2:].upper()}", f"{tenant_id}-other"
        for tenant in (tenant_id, tenant_id, other):
            await world.verdict(tenant, Domain.BEHAVIOR, HOUR + MINUTE, action="REVIEW", risk=0.5, reasons=(code,))
        await world.verdict(tenant_id, Domain.BEHAVIOR, HOUR, action="REVIEW", risk=0.5, reasons=(code,))
        await world.verdict(tenant_id, Domain.BEHAVIOR, HOUR + 2 * MINUTE, action="REVIEW", risk=0.5, reasons=(code,))
        counts = await world.monitor.minute(HOUR + MINUTE)
        mine = {key: count for key, count in counts.verdicts.items() if key[0] in (tenant_id, other)}
        assert mine == {(tenant_id, "behavior", "REVIEW"): 2, (other, "behavior", "REVIEW"): 1}
        assert counts.reasons["behavior", code] == 3

    async def test_the_books_of_the_named_topics_are_read(self, world: StoreWorld, tenant_id: str) -> None:
        told = Outcomes(first_offset=3, next_offset=13, persisted=7, duplicates=2, rejected=1)
        await world.books(f"{tenant_id}.one", 2, told)
        await world.books(f"{tenant_id}.two", 0, told)
        topics = (f"{tenant_id}.one", f"{tenant_id}.none")
        assert await world.monitor.outcomes(topics) == {(f"{tenant_id}.one", 2): told}

    async def test_away_is_told_as_such(self, world: StoreWorld, tenant_id: str) -> None:
        await world.go_away()
        reads: list[Callable[[], Awaitable[object]]] = [
            lambda: world.kpis.tallies(tenant_id, window(1), None, with_reasons=False),
            lambda: world.monitor.minute(HOUR),
            lambda: world.monitor.outcomes(["any"]),
        ]
        for read in reads:
            with pytest.raises(SourceAway) as caught:
                await read()
            assert caught.value.source == "postgres"


class BrokerWorld(Protocol):
    """A broker, and the means to fill it."""

    broker: Broker

    @abstractmethod
    async def topic(self, *, partitions: int) -> str: ...

    @abstractmethod
    async def produce(self, topic: str, partition: int, records: int) -> None: ...

    @abstractmethod
    async def go_away(self) -> None: ...


class BrokerContract:
    """`Broker`."""

    async def test_every_partition_has_a_beginning_and_an_end(self, world: BrokerWorld) -> None:
        topic = await world.topic(partitions=3)
        await world.produce(topic, 1, 5)
        beginnings = await world.broker.beginnings([topic])
        assert beginnings == {(topic, 0): 0, (topic, 1): 0, (topic, 2): 0}
        assert await world.broker.ends(beginnings) == {(topic, 0): 0, (topic, 1): 5, (topic, 2): 0}
        await world.produce(topic, 1, 2)
        assert await world.broker.ends(beginnings) == {(topic, 0): 0, (topic, 1): 7, (topic, 2): 0}

    async def test_only_the_named_topics_are_told(self, world: BrokerWorld) -> None:
        one, _ = await world.topic(partitions=1), await world.topic(partitions=1)
        assert (await world.broker.beginnings([one])).keys() == {(one, 0)}

    async def test_a_missing_topic_is_not_passed_over(self, world: BrokerWorld) -> None:
        topic = await world.topic(partitions=1)
        with pytest.raises(SourceAway):
            await world.broker.beginnings([topic, f"{topic}.missing"])

    async def test_away_is_told_as_such(self, world: BrokerWorld) -> None:
        topic = await world.topic(partitions=1)
        await world.go_away()
        reads: list[Callable[[], Awaitable[object]]] = [
            lambda: world.broker.beginnings([topic]),
            lambda: world.broker.ends([(topic, 0)]),
        ]
        for read in reads:
            with pytest.raises(SourceAway) as caught:
                await read()
            assert caught.value.source == "kafka"
