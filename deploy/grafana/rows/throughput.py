"""What comes in and passes each stage."""

from typing import Final

from deploy.grafana.model import Panel, Query, Row

ROW: Final = Row(
    "Throughput",
    8,
    (
        Panel(
            "Batches by stage",
            "The three lines lie on each other; a lower one is a stage that falls behind.",
            "cps",
            (
                Query("sum(rate(telltale_gateway_batches_total[$__rate_interval]))", "gateway"),
                Query("sum(rate(telltale_scorer_batches_total[$__rate_interval]))", "scorer"),
                Query(
                    'sum(rate(telltale_persister_records_total{topic=~".*events[.].+"}[$__rate_interval]))', "persister"
                ),
            ),
        ),
        Panel(
            "Events by stage",
            "Events and track samples.",
            "cps",
            (
                Query("sum(rate(telltale_gateway_events_total[$__rate_interval]))", "gateway"),
                Query("sum(rate(telltale_scorer_events_total[$__rate_interval]))", "scorer"),
                Query("sum(rate(telltale_persister_events_total[$__rate_interval]))", "persister"),
            ),
        ),
        Panel(
            "Accepted by domain",
            "Batches the broker acknowledged.",
            "cps",
            (Query("sum by (domain) (rate(telltale_gateway_batches_total[$__rate_interval]))", "{{domain}}"),),
            "stacked",
            4,
        ),
        Panel(
            "Bytes received",
            "Ingest bodies after decompression.",
            "Bps",
            (Query("sum(rate(telltale_gateway_received_bytes_total[$__rate_interval]))", "bytes"),),
            width=4,
        ),
    ),
)
