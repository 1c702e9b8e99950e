"""The ports in memory, for tests and for running without servers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.insights.books import Outcomes, Partition, Scoring
from services.insights.explaining import MAX_BATCHES, CurrentRuleset, JudgedBatch, StoredVerdict
from services.insights.kpis import Step, Tally, Window, step_start
from services.insights.ports import MinuteCounts, Source, SourceAway
from shared.contracts.verdict import Verdict
from shared.topics import Domain


class _Fragile:
    """Away when told to be."""

    source: Source

    def __init__(self) -> None:
        self.away = False

    def check(self) -> None:
        """Raise `SourceAway` while away."""
        if self.away:
            raise SourceAway(self.source, "told to be away")


@dataclass(frozen=True, slots=True)
class _Minute:
    tenant_id: str
    domain: Domain
    start: datetime
    tally: Tally = field(default_factory=Tally)


class MemoryStore(_Fragile):
    """The PostgreSQL ports over lists of what happened."""

    source = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self._minutes: list[_Minute] = []
        self.books: dict[Partition, Outcomes] = {}
        self.letters: list[tuple[datetime, str, str, str]] = []  # time, topic, stage, reason
        self.redriven: dict[tuple[str, str], int] = {}
        self.verdicts: list[tuple[Verdict, datetime]] = []  # and when it was scored

    def add(self, tenant_id: str, domain: Domain, at: datetime, tally: Tally) -> None:
        """Count something that happened at a time."""
        self._minutes.append(_Minute(tenant_id, domain, step_start(at, Step.MINUTE), tally))

    async def tallies(
        self, tenant_id: str, window: Window, domain: Domain | None, *, with_reasons: bool
    ) -> Mapping[datetime, Tally]:
        """See `KpiStore`."""
        self.check()
        found: dict[datetime, Tally] = {}
        for minute in self._minutes:
            mine = minute.tenant_id == tenant_id and domain in (None, minute.domain)
            if mine and window.start <= minute.start < window.end:
                tally = found.setdefault(step_start(minute.start, window.step), Tally())
                tally.add(minute.tally)
                if not with_reasons:
                    tally.reasons.clear()
                if domain is not None:
                    tally.dead_letters = 0
        return found

    async def stored(self, tenant_id: str, verdict_id: UUID) -> StoredVerdict | None:
        """See `VerdictStore`."""
        self.check()
        mine = [(verdict, at) for verdict, at in self.verdicts if verdict.tenant_id == tenant_id]
        for verdict, scored_at in mine:
            if verdict.verdict_id == verdict_id:
                spent = scored_at - verdict.received_at
                batches = [_judged(other) for other, _ in mine if _looks_back_on(verdict, other)]
                batches.sort(key=lambda batch: -batch.place)
                return StoredVerdict(verdict, scored_at, spent.total_seconds() * 1000, batches[:MAX_BATCHES])
        return None

    async def minute(self, start: datetime) -> MinuteCounts:
        """See `MonitorStore`."""
        self.check()
        verdicts: dict[tuple[str, str, str], int] = {}
        reasons: dict[tuple[str, str], int] = {}
        for minute in self._minutes:
            if minute.start == start:
                for action, count in minute.tally.verdicts.items():
                    key = (minute.tenant_id, minute.domain.value, action)
                    verdicts[key] = verdicts.get(key, 0) + count
                for code, count in minute.tally.reasons.items():
                    verdict_reason = (minute.domain.value, code)
                    reasons[verdict_reason] = reasons.get(verdict_reason, 0) + count
        return MinuteCounts(verdicts, reasons)

    async def outcomes(self, topics: Iterable[str]) -> Mapping[Partition, Outcomes]:
        """See `MonitorStore`."""
        self.check()
        wanted = set(topics)
        return {at: told for at, told in self.books.items() if at[0] in wanted}

    async def scoring(self, start: datetime, end: datetime, topics: Mapping[Domain, str]) -> Mapping[Domain, Scoring]:
        """See `MonitorStore`."""
        self.check()

        def refused(topic: str, stage: str) -> int:
            return sum(
                start <= at < end and (of, by) == (topic, stage) and reason != "batch_id_conflict"
                for at, of, by, reason in self.letters
            )

        found = {}
        for domain, topic in topics.items():
            tally = Tally()
            for minute in self._minutes:
                if minute.domain == domain and start <= minute.start < end:
                    tally.add(minute.tally)
            verdicts = sum(tally.verdicts.values())
            found[domain] = Scoring(tally.batches, verdicts, refused(topic, "persister"), refused(topic, "scorer"))
        return found

    async def redrives(self) -> Mapping[tuple[str, str], int]:
        """See `MonitorStore`."""
        self.check()
        return self.redriven


def _looks_back_on(verdict: Verdict, other: Verdict) -> bool:
    return (other.domain, other.subject, other.session.started_at) == (
        verdict.domain,
        verdict.subject,
        verdict.session.started_at,
    ) and other.session.batch_count <= verdict.session.batch_count


def _judged(verdict: Verdict) -> JudgedBatch:
    return JudgedBatch(
        verdict.session.batch_count, verdict.batch_id, verdict.verdict_id, verdict.received_at, verdict.event_count,
        verdict.action, verdict.risk_score,
    )  # fmt: skip


class MemoryRules(_Fragile):
    """`RuleBook` over a dictionary."""

    source = "scorer"

    def __init__(self) -> None:
        super().__init__()
        self.rulesets: dict[Domain, CurrentRuleset] = {}

    async def current(self, domain: Domain) -> CurrentRuleset | None:
        """See `RuleBook`."""
        self.check()
        return self.rulesets.get(domain)


class MemoryBroker(_Fragile):
    """`Broker` over two dictionaries."""

    source = "kafka"

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[Partition, int] = {}
        self.next: dict[Partition, int] = {}

    async def beginnings(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """See `Broker`."""
        self.check()
        wanted = set(topics)
        found = {at: offset for at, offset in self.first.items() if at[0] in wanted}
        if missing := wanted - {topic for topic, _ in found}:
            raise SourceAway(self.source, f"no such topics: {sorted(missing)}")
        return found

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """See `Broker`."""
        self.check()
        return {at: self.next[at] for at in partitions}
