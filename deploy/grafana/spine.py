"""The dashboard "Spine", put together."""

from typing import Any, Final

from deploy.grafana.build import dashboard
from deploy.grafana.rows import delivery, health, latency, now, throughput, verdicts

SPINE: Final[dict[str, Any]] = dashboard(
    "telltale-spine",
    "Spine",
    "From a batch at the gateway to its verdict and its row. SQL panels follow the chosen tenant; metrics are of all.",
    (now.ROW, throughput.ROW, delivery.ROW, latency.ROW, verdicts.ROW, health.ROW),
)
