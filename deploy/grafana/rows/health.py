"""Errors, processes and what they use."""

from typing import Final

from deploy.grafana.model import Panel, Query, Row

ROW: Final = Row(
    "Health",
    7,
    (
        Panel(
            "Ingest errors by outcome",
            "Requests the gateway did not accept, by problem code.",
            "reqps",
            (
                Query(
                    "sum by (outcome) (rate("
                    'telltale_gateway_requests_total{outcome!~"accepted|verdict"}[$__rate_interval]))',
                    "{{outcome}}",
                ),
            ),
            "stacked",
            6,
        ),
        Panel(
            "KPI errors by outcome",
            "Requests insights did not answer, by problem code.",
            "reqps",
            (
                Query(
                    'sum by (outcome) (rate(telltale_insights_requests_total{outcome!="answered"}[$__rate_interval]))',
                    "{{outcome}}",
                ),
            ),
            "stacked",
            6,
        ),
        Panel(
            "Live sessions by domain",
            "Subject states held.",
            "short",
            (Query("sum by (domain) (telltale_scorer_live_sessions)", "{{domain}}"),),
            "stacked",
            6,
        ),
        Panel(
            "Redis errors",
            "Calls passed over. Verdicts in the answer suffer; nothing is lost.",
            "cps",
            (Query("sum by (operation) (rate(telltale_redis_errors_total[$__rate_interval]))", "{{operation}}"),),
            width=6,
        ),
        Panel(
            "Restarts, 15 min",
            "How often a process has started anew.",
            "short",
            (Query("sum by (job) (changes(process_start_time_seconds[15m]))", "{{job}}"),),
            width=4,
        ),
        Panel(
            "CPU",
            "Cores used.",
            "short",
            (Query("sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{job}}"),),
            width=5,
        ),
        Panel(
            "Memory",
            "Resident memory.",
            "bytes",
            (Query("sum by (job) (process_resident_memory_bytes)", "{{job}}"),),
            width=5,
        ),
        Panel(
            "Write retries and restores",
            "PostgreSQL transactions tried again; partitions whose states were rebuilt.",
            "cps",
            (
                Query("sum(rate(telltale_persister_retries_total[$__rate_interval]))", "write retries"),
                Query("sum(rate(telltale_scorer_restore_seconds_count[$__rate_interval]))", "restores"),
            ),
            width=5,
        ),
        Panel(
            "API keys age",
            "Age of the keys in force. Above some seconds, PostgreSQL is away and revoked keys still work.",
            "s",
            (Query("max by (job) (telltale_api_keys_age_seconds)", "{{job}}"),),
            width=5,
            thresholds=(("green", None), ("orange", 10.0), ("red", 60.0)),
        ),
    ),
)
