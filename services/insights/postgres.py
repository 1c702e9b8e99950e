"""The store ports over PostgreSQL: counts by minute and by hour, and verdicts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.insights import queries
from services.insights.books import Outcomes, Partition, Scoring
from services.insights.database import Database
from services.insights.explaining import MAX_BATCHES, JudgedBatch, StoredVerdict
from services.insights.kpis import LENGTH, Tally, Window
from services.insights.ports import MinuteCounts
from shared.contracts.verdict import Verdict
from shared.topics import Domain

_KPIS: Final = queries.load("kpis.sql")
_MONITOR: Final = queries.load("monitor.sql")
_VERDICTS: Final = queries.load("verdicts.sql")
_decode_verdict: Final = msgspec.json.Decoder(Verdict).decode


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
        found: defaultdict[datetime, Tally] = defaultdict(Tally)
        asked = (tenant_id, window.start, window.end, LENGTH[window.step], *window.whole_hours())
        async with self._database.reading() as connection:
            await connection.execute(_KPIS["name_tenant"], tenant_id)
            for start, batches, events in await connection.fetch(_KPIS["batches"], *asked, domain):
                found[start].add(Tally(batches, events))
            for start, action, verdicts, risk_sum in await connection.fetch(_KPIS["verdicts"], *asked, domain):
                tally = found[start]
                tally.verdicts[action] = verdicts
                tally.risk_sum += risk_sum
            if with_reasons:
                for start, reason, verdicts in await connection.fetch(_KPIS["reasons"], *asked, domain):
                    found[start].reasons[reason] = verdicts
            if domain is None:
                for start, letters in await connection.fetch(_KPIS["dead_letters"], *asked):
                    found[start].dead_letters = letters
        return found


class PostgresVerdictStore:
    """`VerdictStore` as the role telltale_insights.

    Parameters
    ----------
    database
        Opened and closed by its owner.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stored(self, tenant_id: str, verdict_id: UUID) -> StoredVerdict | None:
        """See `VerdictStore`."""
        async with self._database.reading() as connection:
            await connection.execute(_VERDICTS["name_tenant"], tenant_id)
            row = await connection.fetchrow(_VERDICTS["verdict"], tenant_id, verdict_id)
            if row is None:
                return None
            verdict = _decode_verdict(row["document"])
            subject, session = verdict.subject, verdict.session
            batches = await connection.fetch(
                _VERDICTS["session"], tenant_id, verdict.domain, subject.type, subject.id, session.started_at,
                session.last_seen_at, session.batch_count, MAX_BATCHES,
            )  # fmt: skip
        judged = [JudgedBatch(*tuple(batch)) for batch in batches]
        return StoredVerdict(verdict, row["scored_at"], row["processing_time_ms"], judged)


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

    async def scoring(self, start: datetime, end: datetime, topics: Mapping[Domain, str]) -> Mapping[Domain, Scoring]:
        """See `MonitorStore`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_MONITOR["scoring"], start, end, list(topics), list(topics.values()))
        return {Domain(row["domain"]): Scoring(*tuple(row)[1:]) for row in rows}

    async def redrives(self) -> Mapping[tuple[str, str], int]:
        """See `MonitorStore`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_MONITOR["redrives"])
        return {(row["stage"], row["status"]): row["letters"] for row in rows}
