"""Whether all is well, at a glance."""

from typing import Final

from deploy.grafana.common import FEW_ARE_FINE, IN_FLIGHT, VERDICT_GOAL, ZERO_IS_GOOD
from deploy.grafana.model import Panel, Query, Row, quantiles

ROW: Final = Row(
    "Now",
    4,
    (
        Panel(
            "Services",
            "Whether Prometheus can read each process. A red one is down or hangs.",
            "none",
            (Query("min by (job) (up)", "{{job}}"),),
            "stat",
            6,
            (("red", None), ("green", 1.0)),
            names=(("0", "down", "red"), ("1", "up", "green")),
        ),
        Panel(
            "Unaccounted records",
            "Accepted by the broker, with neither an outcome nor a place in the queue. Must be 0; anything else is a "
            "defect or a loss. Below 0: rows whose records the broker no longer has.",
            "short",
            (Query("sum(telltale_delivery_unaccounted_records)", "unaccounted"),),
            "stat",
            3,
            ZERO_IS_GOOD,
        ),
        Panel(
            "In flight",
            "Accepted by the broker and not in PostgreSQL yet.",
            "short",
            (Query(IN_FLIGHT.format(by=""), "records"),),
            "stat",
            3,
            FEW_ARE_FINE,
        ),
        Panel(
            "Events accepted",
            "Events and track samples the broker acknowledged.",
            "cps",
            (Query("sum(rate(telltale_gateway_events_total[$__rate_interval]))", "events"),),
            "stat",
            3,
        ),
        Panel(
            "Verdict p99",
            "From the gateway's stamp to the verdict on the broker.",
            "s",
            (quantiles("telltale_scorer_verdict_seconds")[2],),
            "stat",
            3,
            VERDICT_GOAL,
        ),
        Panel(
            "Live sessions",
            "Subject states the scorer holds.",
            "short",
            (Query("sum(telltale_scorer_live_sessions)", "sessions"),),
            "stat",
            3,
        ),
        Panel(
            "Dead letters, 1 h",
            "Messages that could not go on in the last hour, by PostgreSQL's count.",
            "short",
            (
                Query(
                    "SELECT coalesce(sum(letters), 0)::bigint AS letters FROM kpi_dead_letters_by_minute"
                    " WHERE minute >= now() - interval '1 hour'"
                ),
            ),
            "stat",
            3,
            (("green", None), ("red", 1.0)),
            source="postgres",
        ),
    ),
)
