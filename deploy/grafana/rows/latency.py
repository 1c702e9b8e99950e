"""How long each stage takes."""

from typing import Final

from deploy.grafana.common import VERDICT_GOAL
from deploy.grafana.model import Panel, Query, Row, quantiles

ROW: Final = Row(
    "Latency",
    8,
    (
        Panel(
            "Event to verdict",
            "From the gateway's stamp to the verdict on the broker. Goal: p50 under 6 ms, p99 under 20 ms.",
            "s",
            quantiles("telltale_scorer_verdict_seconds"),
            thresholds=VERDICT_GOAL,
        ),
        Panel(
            "Event to row",
            "From the gateway's stamp to the committed row.",
            "s",
            quantiles("telltale_persister_row_seconds", "table"),
        ),
        Panel(
            "Event to verdict, every one stored",
            "Upper bounds of p50, p95 and p99 from PostgreSQL's own histogram; none is missed. 60 s means over 30.",
            "ms",
            (
                Query(
                    "SELECT minute AS time,\n"
                    + ",\n".join(
                        f"       least(min(upper_ms) FILTER (WHERE upto >= {quantile} * total), 60000) AS {name}"
                        for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
                    )
                    + "\nFROM (\n"
                    "    SELECT minute, upper_ms,\n"
                    "           sum(samples) OVER (PARTITION BY minute ORDER BY upper_ms) AS upto,\n"
                    "           sum(samples) OVER (PARTITION BY minute) AS total\n"
                    "    FROM kpi_latency_by_minute\n"
                    "    WHERE $__timeFilter(minute) AND measure = 'verdict'\n"
                    ") AS counted\nGROUP BY 1 ORDER BY 1"
                ),
            ),
            source="postgres",
        ),
        Panel(
            "Ingest request",
            "Whole request at the gateway; 'yes' waited for its verdict.",
            "s",
            quantiles("telltale_gateway_request_seconds", "waited"),
        ),
        Panel(
            "Publish",
            "From the gateway to the broker's acknowledgement.",
            "s",
            quantiles("telltale_gateway_publish_seconds"),
            width=4,
        ),
        Panel(
            "Scorer chunk p99",
            "One polled chunk, by step.",
            "s",
            (quantiles("telltale_scorer_chunk_seconds", "step")[2],),
            width=4,
        ),
        Panel(
            "PostgreSQL write",
            "One transaction of the persister.",
            "s",
            quantiles("telltale_persister_write_seconds"),
            width=4,
        ),
        Panel("KPI query", "One request's reads at insights.", "s", quantiles("telltale_kpi_query_seconds"), width=4),
    ),
)
