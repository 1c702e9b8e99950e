"""The store ports over PostgreSQL's counts by minute."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from services.insights import queries
from services.insights.books import Outcomes, Partition
from services.insights.database import Database
from services.insights.kpis import LENGTH, Tally, Window
from services.insights.ports import MinuteCounts
from shared.topics import Domain

_KPIS: Final = queries.load("kpis.sql")
_MONITOR: Final = queries.load("monitor.sql")


class PostgresKpiStore:
    """`KpiStore` as the role telltale_insights.

    Parameters
    ----------
    database
        Opened and closed by its owner.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tallies(
        self, tenant_id: str, window: Window, domain: Domain | None, *, with_reasons: bool
    ) -> Mapping[datetime, Tally]:
        """See `KpiStore`."""
        found: dict[datetime, Tally] = {}
        asked = (tenant_id, window.start, window.end, LENGTH[window.step])
        async with self._database.reading() as connection:
            await connection.execute(_KPIS["name_tenant"], tenant_id)
            for row in await connection.fetch(_KPIS["batches"], *asked, domain):
                found.setdefault(row["start"], Tally()).add(Tally(row["batches"], row["events"]))
            for row in await connection.fetch(_KPIS["verdicts"], *asked, domain):
                counted = Tally(verdicts={row["action"]: row["verdicts"]}, risk_sum=row["risk_sum"])
                found.setdefault(row["start"], Tally()).add(counted)
            if with_reasons:
                for row in await connection.fetch(_KPIS["reasons"], *asked, domain):
                    found.setdefault(row["start"], Tally()).add(Tally(reasons={row["reason"]: row["verdicts"]}))
            if domain is None:
                for row in await connection.fetch(_KPIS["dead_letters"], *asked):
                    found.setdefault(row["start"], Tally()).add(Tally(dead_letters=row["letters"]))
        return found


class PostgresMonitorStore:
    """`MonitorStore` as the role telltale_monitor.

    Parameters
    ----------
    database
        Opened and closed by its owner.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def minute(self, start: datetime) -> MinuteCounts:
        """See `MonitorStore`."""
        async with self._database.reading() as connection:
            verdicts = await connection.fetch(_MONITOR["verdicts_of_minute"], start)
            reasons = await connection.fetch(_MONITOR["reasons_of_minute"], start)
        return MinuteCounts(
            {(row["tenant_id"], row["domain"], row["action"]): row["verdicts"] for row in verdicts},
            {(row["domain"], row["reason"]): row["verdicts"] for row in reasons},
        )

    async def outcomes(self, topics: Iterable[str]) -> Mapping[Partition, Outcomes]:
        """See `MonitorStore`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_MONITOR["outcomes"], sorted(topics))
        return {
            (row["topic"], row["partition"]): Outcomes(
                row["first_offset"], row["next_offset"], row["persisted"], row["duplicates"], row["rejected"]
            )
            for row in rows
        }
