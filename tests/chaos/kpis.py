"""Every KPI roll-up beside a count from the raw rows."""

from dataclasses import dataclass
from typing import Final

import asyncpg

_MINUTE: Final = "date_bin('1 minute', {}, '2000-01-01 00:00+00') AS minute"
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


_received = _MINUTE.format("received_at")
_to_verdict, _to_row = _LATENCY_MS.format("scored_at"), _LATENCY_MS.format("persisted_at")

ROLL_UPS: Final = (
    RollUp(
        "kpi_batches_by_minute", ("minute", "tenant_id", "domain"), ("batches", "events"),
        f"SELECT {_received}, tenant_id, domain, count(*) AS batches, sum(event_count) AS events"
        " FROM batches GROUP BY 1, 2, 3",
    ),
    RollUp(
        "kpi_verdicts_by_minute", ("minute", "tenant_id", "domain", "action", "label"),
        ("verdicts", "events", "latency_ms_max"),
        f"SELECT {_received}, tenant_id, domain, action, label, count(*) AS verdicts, sum(event_count) AS events,"
        f" sum(risk_score) AS risk_sum, sum({_to_verdict}) AS latency_ms_sum, max({_to_verdict}) AS latency_ms_max"
        " FROM verdicts GROUP BY 1, 2, 3, 4, 5",
        ("risk_sum", "latency_ms_sum"),
    ),
    RollUp(
        "kpi_reasons_by_minute", ("minute", "tenant_id", "domain", "action", "reason"), ("verdicts",),
        f"SELECT {_received}, tenant_id, domain, action, reason, count(*) AS verdicts"
        " FROM verdicts CROSS JOIN LATERAL (SELECT DISTINCT unnest(reason_codes)) AS codes (reason)"
        " GROUP BY 1, 2, 3, 4, 5",
    ),
    RollUp(
        "kpi_dead_letters_by_minute", ("minute", "tenant_id", "stage", "reason"), ("letters",),
        f"SELECT {_MINUTE.format('source_timestamp')}, coalesce(tenant_id, '') AS tenant_id, stage, reason,"
        " count(*) AS letters FROM dead_letters GROUP BY 1, 2, 3, 4",
    ),
    RollUp(
        "kpi_latency_by_minute", ("minute", "measure", "upper_ms"), ("samples",),
        f"SELECT {_received}, 'verdict' AS measure, {_BUCKET.format(_to_verdict)}, count(*) AS samples"
        " FROM verdicts GROUP BY 1, 2, 3 UNION ALL"
        f" SELECT {_received}, 'row', {_BUCKET.format(_to_row)}, count(*) FROM batches GROUP BY 1, 2, 3",
    ),
)  # fmt: skip


async def kpi_mismatches(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Name every roll-up that is not what the rows say."""
    lines = []
    for roll_up in ROLL_UPS:
        for row in await connection.fetch(roll_up.query):
            lines.append(f"{roll_up.table} {' '.join(str(value) for value in row.values())}")
    return lines
