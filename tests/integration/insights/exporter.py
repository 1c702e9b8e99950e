"""Serves every metric of shared.metrics with samples that go on rising: ``python -m ...exporter PORT``."""

import sys
import time

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics

# Values that queries select by; any other label gets "one".
_LABELS = {
    "topic": "events.behavior.v1",
    "group": "persister",
    "partition": "0",
    "domain": "behavior",
    "action": "BLOCK",
    "source": "postgres",
}
_OUTCOMES = {"telltale_gateway_requests": "invalid_batch", "telltale_insights_requests": "store_unavailable"}


def _sample(metric: MetricWrapperBase) -> MetricWrapperBase:
    """Give a metric's one series."""
    (family,) = metric.describe()
    labels = {name: _LABELS.get(name, "one") for name in metric._labelnames}
    if "outcome" in labels:
        labels["outcome"] = _OUTCOMES.get(family.name, "persisted")
    return metric.labels(**labels) if labels else metric


def main(port: int) -> None:
    """Serve until ended."""
    series = [_sample(metric) for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    start_http_server(port, addr="127.0.0.1")
    while True:
        for sample in series:
            if isinstance(sample, Counter):
                sample.inc()
            elif isinstance(sample, Histogram):
                sample.observe(0.004)
            elif isinstance(sample, Gauge):
                sample.set(1)
        time.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
