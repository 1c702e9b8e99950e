"""How traffic is judged."""

from typing import Final

from deploy.grafana.common import TENANT
from deploy.grafana.model import Panel, Query, Row

_SQL_VERDICTS: Final = f"FROM kpi_verdicts_by_minute WHERE $__timeFilter(minute) AND {TENANT}"

ROW: Final = Row(
    "Verdicts",
    8,
    (
        Panel(
            "Verdicts by action",
            "Stored verdicts a minute, by the minute their batch came in.",
            "short",
            (
                Query(
                    "SELECT $__timeGroupAlias(minute, $__interval), action AS metric,"
                    " sum(verdicts) * 60000.0 / $__interval_ms AS verdicts"
                    f" {_SQL_VERDICTS} GROUP BY 1, 2 ORDER BY 1"
                ),
            ),
            "stacked",
            source="postgres",
        ),
        Panel(
            "Rates",
            "Share of verdicts by action.",
            "percentunit",
            (
                Query(
                    "SELECT $__timeGroupAlias(minute, $__interval),\n"
                    + ",\n".join(
                        f"       sum(verdicts) FILTER (WHERE action = '{action}') / sum(verdicts) AS {action.lower()}"
                        for action in ("CHALLENGE", "REVIEW", "BLOCK")
                    )
                    + f"\n{_SQL_VERDICTS}\nGROUP BY 1 ORDER BY 1"
                ),
            ),
            width=6,
            source="postgres",
        ),
        Panel(
            "Mean risk",
            "Mean risk score, 0 to 1.",
            "percentunit",
            (
                Query(
                    "SELECT $__timeGroupAlias(minute, $__interval), sum(risk_sum) / sum(verdicts) AS mean_risk"
                    f" {_SQL_VERDICTS} GROUP BY 1 ORDER BY 1"
                ),
            ),
            width=4,
            source="postgres",
        ),
        Panel(
            "Top reasons",
            "Verdicts by reason in the chosen range.",
            "short",
            (
                Query(
                    "SELECT reason, sum(verdicts)::bigint AS verdicts FROM kpi_reasons_by_minute"
                    f" WHERE $__timeFilter(minute) AND {TENANT} GROUP BY 1 ORDER BY 2 DESC LIMIT 12"
                ),
            ),
            "bars",
            6,
            source="postgres",
        ),
        Panel(
            "Last full minute by tenant",
            "Verdicts of the busiest tenants; '_other' are the rest.",
            "short",
            (Query("sum by (tenant) (telltale_kpi_verdicts)", "{{tenant}}"),),
            "stacked",
        ),
        Panel(
            "Verdicts published",
            "As the scorer counts them, by action.",
            "cps",
            (Query("sum by (action) (rate(telltale_scorer_verdicts_total[$__rate_interval]))", "{{action}}"),),
            "stacked",
        ),
        Panel(
            "Rule hits",
            "Rules in published verdicts. A rule that leaps up after a release is suspect before the traffic is.",
            "cps",
            (Query("topk(12, sum by (rule) (rate(telltale_scorer_rule_hits_total[$__rate_interval])))", "{{rule}}"),),
        ),
    ),
)
