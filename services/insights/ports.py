"""What insights needs from outside, as small ports. Each has a real adapter and one in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from services.insights.books import Outcomes, Partition, Scoring
from services.insights.explaining import CurrentRuleset, StoredVerdict
from services.insights.kpis import Tally, Window
from shared.topics import Domain

Source = Literal["postgres", "kafka", "scorer"]


class SourceAway(Exception):
    """A source cannot answer now: try again later.

    Parameters
    ----------
    source
        Which one.
    cause
        What it said; for logs only.
    """

    def __init__(self, source: Source, cause: object) -> None:
        super().__init__(f"{source} cannot answer: {cause!r}")
        self.source: Source = source


class KpiStore(Protocol):
    """Counts of one tenant."""

    async def tallies(
        self, tenant_id: str, window: Window, domain: Domain | None, *, with_reasons: bool
    ) -> Mapping[datetime, Tally]:
        """Count what lies in a window, by the start of its step; steps without anything may be missing.

        Raises
        ------
        SourceAway
            When the store cannot answer.
        """


class VerdictStore(Protocol):
    """Verdicts of one tenant."""

    async def stored(self, tenant_id: str, verdict_id: UUID) -> StoredVerdict | None:
        """Give a verdict and the batches it looked back on; None when the tenant has none with this id.

        Raises
        ------
        SourceAway
            When the store cannot answer.
        """


class RuleBook(Protocol):
    """The rules in force."""

    async def current(self, domain: Domain) -> CurrentRuleset | None:
        """Give a domain's rules; None when it has none. Raises `SourceAway`."""


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """One minute's counts across tenants."""

    verdicts: Mapping[tuple[str, str, str], int]  # by tenant, domain, action
    reasons: Mapping[tuple[str, str], int]  # by domain, reason code


class MonitorStore(Protocol):
    """What an operator may see across tenants: counts, never content."""

    async def minute(self, start: datetime) -> MinuteCounts:
        """Count the verdicts and reasons of one minute. Raises `SourceAway`."""

    async def outcomes(self, topics: Iterable[str]) -> Mapping[Partition, Outcomes]:
        """Read the delivery books of some topics. Raises `SourceAway`."""

    async def scoring(self, start: datetime, end: datetime, topics: Mapping[Domain, str]) -> Mapping[Domain, Scoring]:
        """Count the domains' batches received in a span of whole minutes; ``topics`` names each domain's topic.

        Raises `SourceAway`.
        """

    async def redrives(self) -> Mapping[tuple[str, str], int]:
        """Count redriven dead letters by stage and status. Raises `SourceAway`."""


class Broker(Protocol):
    """How far the broker's partitions reach."""

    async def beginnings(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """Give the first offset held of every partition of the topics. Raises `SourceAway`."""

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Give the offset after the last record of partitions. Raises `SourceAway`."""
