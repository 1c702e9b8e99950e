"""Every KPI roll-up beside a count from the raw rows."""

from dataclasses import dataclass
from typing import Final

import asyncpg

_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'kpi%' ORDER BY 1"
_BIN: Final = "date_bin('1 {period}', {time}, '2000-01-01 00:00+00') AS {period}"
_LATENCY_MS: Final = "date_part('epoch', {} - received_at) * 1000"
_BUCKET: Final = "(latency_bounds_ms())[width_bucket({}, latency_bounds_ms()) + 1] AS upper_ms"
_RELATIVE_ERROR: Final = 1e-9  # sums of the same floats in another order


@dataclass(frozen=True, slots=True)
class RollUp:
    """One table of roll-ups.

    Parameters
    ----------
    table
        Its name.
    keys
        Columns of its key.
    exact, sums
        Columns that must be equal; columns that are sums of floats.
    counted
        The same from raw rows.
    """

    table: str
    keys: tuple[str, ...]
    exact: tuple[str, ...]
    counted: str
    sums: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """Keys of which the two differ."""
        keys = ", ".join(self.keys)
        differs = [f"counted.{name} IS DISTINCT FROM kpi.{name}" for name in self.exact]
        differs += [
            f"(abs(counted.{name} - kpi.{name}) <= {_RELATIVE_ERROR} * greatest(1, abs(kpi.{name}))) IS NOT TRUE"
            for name in self.sums
        ]
        return (
            f"WITH counted AS ({self.counted}) SELECT {keys} FROM counted FULL JOIN {self.table} AS kpi"
            f" USING ({keys}) WHERE {' OR '.join(differs)} ORDER BY {keys}"
        )


_to_verdict, _to_row = _LATENCY_MS.format("scored_at"), _LATENCY_MS.format("persisted_at")


def roll_ups(period: str) -> tuple[RollUp, ...]:
    """Give the roll-ups by minute or by hour."""
    received, written = (
        _BIN.format(period=period, time="received_at"),
        _BIN.format(period=period, time="source_timestamp"),
    )
    return (
        RollUp(
            f"kpi_batches_by_{period}", (period, "tenant_id", "domain"), ("batches", "events"),
            f"SELECT {received}, tenant_id, domain, count(*) AS batches, sum(event_count) AS events"
            " FROM batches GROUP BY 1, 2, 3",
        ),
        RollUp(
            f"kpi_verdicts_by_{period}", (period, "tenant_id", "domain", "action", "label"),
            ("verdicts", "events", "latency_ms_max"),
            f"SELECT {received}, tenant_id, domain, action, label, count(*) AS verdicts, sum(event_count) AS events,"
            f" sum(risk_score) AS risk_sum, sum({_to_verdict}) AS latency_ms_sum, max({_to_verdict}) AS latency_ms_max"
            " FROM verdicts GROUP BY 1, 2, 3, 4, 5",
            ("risk_sum", "latency_ms_sum"),
        ),
        RollUp(
            f"kpi_reasons_by_{period}", (period, "tenant_id", "domain", "action", "reason"), ("verdicts",),
            f"SELECT {received}, tenant_id, domain, action, reason, count(*) AS verdicts"
            " FROM verdicts CROSS JOIN LATERAL (SELECT DISTINCT unnest(reason_codes)) AS codes (reason)"
            " GROUP BY 1, 2, 3, 4, 5",
        ),
        RollUp(
            f"kpi_dead_letters_by_{period}", (period, "tenant_id", "stage", "reason"), ("letters",),
            f"SELECT {written}, coalesce(tenant_id, '') AS tenant_id, stage, reason, count(*) AS letters"
            " FROM dead_letters GROUP BY 1, 2, 3, 4",
        ),
        RollUp(
            f"kpi_letter_topics_by_{period}", (period, "topic", "stage", "reason"), ("letters",),
            f"SELECT {written}, source_topic AS topic, stage, reason, count(*) AS letters"
            " FROM dead_letters GROUP BY 1, 2, 3, 4",
        ),
        RollUp(
            f"kpi_latency_by_{period}", (period, "measure", "upper_ms"), ("samples",),
            f"SELECT {received}, 'verdict' AS measure, {_BUCKET.format(_to_verdict)}, count(*) AS samples"
            " FROM verdicts GROUP BY 1, 2, 3 UNION ALL"
            f" SELECT {received}, 'row', {_BUCKET.format(_to_row)}, count(*) FROM batches GROUP BY 1, 2, 3",
        ),
    )  # fmt: skip


async def kpi_mismatches(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Name every row of a roll-up that is not what the rows say, and every roll-up that nothing is known of."""
    known = {roll_up.table: roll_up for period in ("minute", "hour") for roll_up in roll_ups(period)}
    lines = []
    for [table] in await connection.fetch(_TABLES):
        if table not in known:
            lines.append(f"{table} has no count to compare it with")
            continue
        for row in await connection.fetch(known[table].query):
            lines.append(f"{table} {' '.join(str(value) for value in row.values())}")
    return lines
