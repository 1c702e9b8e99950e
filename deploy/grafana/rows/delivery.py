"""The books: nothing lost, nothing stuck."""

from typing import Final

from deploy.grafana.common import FEW_ARE_FINE, IN_FLIGHT, TENANT, ZERO_IS_GOOD
from deploy.grafana.model import Panel, Query, Row

# Each partition has one owner; while it moves, two may tell its lag.
_LAG: Final = "max by (group, topic, partition) (telltale_consumer_lag_records)"
# Domains without a scorer have batches and no verdicts by design.
_UNSCORED: Final = (
    "max by (domain) (telltale_delivery_unscored_batches)"
    " and on (domain) max by (domain) (telltale_scorer_live_sessions) >= 0"
)

ROW: Final = Row(
    "Delivery: accepted = persisted + duplicate + rejected + in flight",
    8,
    (
        Panel(
            "Consumer lag",
            "Records between a consumer group and the end of its topics.",
            "short",
            (Query(f"sum by (group) ({_LAG})", "{{group}}"),),
            width=6,
            thresholds=FEW_ARE_FINE,
        ),
        Panel(
            "Records by outcome",
            "PostgreSQL's own books beside what the broker accepted, since the beginning.",
            "short",
            (
                Query("sum(telltale_delivery_accepted_records)", "accepted"),
                Query("sum by (outcome) (telltale_delivery_outcome_records)", "{{outcome}}"),
            ),
            width=6,
        ),
        Panel(
            "In flight by topic",
            "Accepted and not in PostgreSQL yet.",
            "short",
            (Query(IN_FLIGHT.format(by=" by (topic)"), "{{topic}}"),),
            "stacked",
            6,
        ),
        Panel(
            "Unaccounted by topic",
            "0, or a defect.",
            "short",
            (Query("sum by (topic) (telltale_delivery_unaccounted_records)", "{{topic}}"),),
            width=6,
            thresholds=ZERO_IS_GOOD,
        ),
        Panel(
            "Not judged by domain",
            "Batches of the last hour, stored over 2 minutes ago, with neither a verdict nor the scorer's dead letter.",
            "short",
            (Query(_UNSCORED, "{{domain}}"),),
            width=6,
            thresholds=ZERO_IS_GOOD,
        ),
        Panel(
            "Dead letters by stage and reason",
            "As the services count them while they run.",
            "cps",
            (
                Query(
                    "sum by (stage, reason) (rate(telltale_dead_letters_total[$__rate_interval]))",
                    "{{stage}} {{reason}}",
                ),
            ),
            "stacked",
            10,
        ),
        Panel(
            "Dead letters stored",
            "In the chosen range, by PostgreSQL's count. `make dead-letters` lists them.",
            "short",
            (
                Query(
                    "SELECT stage, reason, sum(letters)::bigint AS letters FROM kpi_dead_letters_by_minute"
                    f" WHERE $__timeFilter(minute) AND {TENANT} GROUP BY 1, 2 ORDER BY 3 DESC"
                ),
            ),
            "table",
            4,
            source="postgres",
        ),
        Panel(
            "Sources of the books",
            "At 0 the source is away, and the panels of this row have a gap rather than old numbers.",
            "none",
            (Query("min by (source) (telltale_insights_source_up)", "{{source}}"),),
            "stat",
            4,
            (("red", None), ("green", 1.0)),
            names=(("0", "away", "red"), ("1", "read", "green")),
        ),
    ),
)
