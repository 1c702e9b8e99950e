"""Every metric, defined, typed and described in one place. Labels never hold subject, batch or user ids."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_FAST_S: Final = (0.0005, 0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

# gateway
GATEWAY_REQUESTS: Final = Counter(
    "telltale_gateway_requests_total",
    "Ingest requests by outcome: accepted, verdict, or a problem code.",
    ["outcome"],
)
GATEWAY_BATCHES: Final = Counter("telltale_gateway_batches_total", "Batches acknowledged by the broker.", ["domain"])
GATEWAY_EVENTS: Final = Counter(
    "telltale_gateway_events_total", "Events and track samples acknowledged by the broker.", ["domain"]
)
GATEWAY_BYTES: Final = Counter("telltale_gateway_received_bytes_total", "Bytes of ingest bodies, after decompression.")
GATEWAY_REQUEST_SECONDS: Final = Histogram(
    "telltale_gateway_request_seconds",
    "Ingest request duration.",
    ["waited"],
    buckets=_FAST_S,
)
GATEWAY_PUBLISH_SECONDS: Final = Histogram(
    "telltale_gateway_publish_seconds", "From handing a record batch to Kafka to its acknowledgement.", buckets=_FAST_S
)
GATEWAY_IN_FLIGHT: Final = Gauge("telltale_gateway_in_flight_batches", "Batches handed over and not yet acknowledged.")
GATEWAY_REFUSED_CONNECTIONS: Final = Counter(
    "telltale_gateway_refused_connections_total", "Connections answered with 503 because too many are open."
)
GATEWAY_CLOCK_SKEWED: Final = Counter(
    "telltale_gateway_clock_skewed_batches_total", "Batches whose client clock was over a minute off and was corrected."
)
GATEWAY_SESSION_REQUESTS: Final = Counter(
    "telltale_gateway_session_requests_total",
    "Requests to the session API by route and outcome: begun, verdict, accepted, told, closed, or a problem code.",
    ["route", "outcome"],
)
GATEWAY_SESSION_SECONDS: Final = Histogram(
    "telltale_gateway_session_seconds", "Session API request duration.", ["route"], buckets=_FAST_S
)
GATEWAY_IGNORED_EVENTS: Final = Counter(
    "telltale_gateway_ignored_events_total", "Items posted to the session API that tell nothing to judge by."
)
KEYS_AGE_SECONDS: Final = Gauge("telltale_api_keys_age_seconds", "Age of the snapshot of active API keys.")

# scorer
SCORER_BATCHES: Final = Counter(
    "telltale_scorer_batches_total", "Batches by outcome: scored, duplicate, replayed, rejected.", ["domain", "outcome"]
)
SCORER_EVENTS: Final = Counter("telltale_scorer_events_total", "Events folded into state.", ["domain"])
SCORER_VERDICTS: Final = Counter("telltale_scorer_verdicts_total", "Verdicts published.", ["domain", "action"])
SCORER_RULE_HITS: Final = Counter("telltale_scorer_rule_hits_total", "Rule hits in verdicts.", ["domain", "rule"])
SCORER_CHUNK_SECONDS: Final = Histogram(
    "telltale_scorer_chunk_seconds",
    "One polled chunk, by step.",
    ["step"],
    buckets=_FAST_S,
)
SCORER_VERDICT_SECONDS: Final = Histogram(
    "telltale_scorer_verdict_seconds", "From the gateway's stamp to the verdict on the broker.", buckets=_FAST_S
)
SCORER_SESSIONS: Final = Gauge("telltale_scorer_live_sessions", "Subject states held.", ["domain"])
SCORER_STATES_DROPPED: Final = Counter(
    "telltale_scorer_states_dropped_total",
    "Subject states forgotten: expired (idle too long), evicted (too many subjects), unreadable.",
    ["cause"],
)
SCORER_REJECTED_CHUNKS: Final = Gauge(
    "telltale_scorer_rejected_chunks_in_a_row",
    "Last chunks that held nothing but dead letters; 0 is normal.",
    ["domain", "partition"],
)
SCORER_RESTORE_SECONDS: Final = Histogram("telltale_scorer_restore_seconds", "Rebuild of one partition's states.")
REDIS_ERRORS: Final = Counter("telltale_redis_errors_total", "Redis calls passed over after an error.", ["operation"])

# persister
PERSISTER_RECORDS: Final = Counter(
    "telltale_persister_records_total",
    "Records by outcome: persisted, duplicates, rejected, missing.",
    ["topic", "outcome"],
)
PERSISTER_EVENTS: Final = Counter("telltale_persister_events_total", "Events persisted.", ["domain"])
PERSISTER_WRITE_SECONDS: Final = Histogram(
    "telltale_persister_write_seconds", "One PostgreSQL transaction.", buckets=_FAST_S
)
PERSISTER_ROW_SECONDS: Final = Histogram(
    "telltale_persister_row_seconds", "From the gateway's stamp to the committed row.", ["table"], buckets=_FAST_S
)
PERSISTER_RETRIES: Final = Counter("telltale_persister_retries_total", "Transactions tried again after an error.")
PERSISTER_UNDATED_ROWS: Final = Gauge(
    "telltale_persister_undated_rows", "Rows whose day has no partition: stored, in the default one.", ["table"]
)

# every consumer
CONSUMER_LAG: Final = Gauge("telltale_consumer_lag_records", "Records behind the end.", ["group", "topic", "partition"])
DEAD_LETTERS: Final = Counter("telltale_dead_letters_total", "Dead letters written.", ["stage", "reason"])

# insights: the books, read from Kafka's end offsets and from PostgreSQL
DELIVERY_ACCEPTED: Final = Gauge("telltale_delivery_accepted_records", "Records the broker acknowledged.", ["topic"])
DELIVERY_OUTCOME: Final = Gauge(
    "telltale_delivery_outcome_records", "Records by outcome in PostgreSQL's own books.", ["topic", "outcome"]
)
DELIVERY_UNACCOUNTED: Final = Gauge(
    "telltale_delivery_unaccounted_records",
    "Records without an outcome: 0, or a defect.",
    ["topic"],
)
DELIVERY_UNSCORED: Final = Gauge(
    "telltale_delivery_unscored_batches",
    "Batches of the last hour, stored over 2 minutes ago, that have neither a verdict nor the scorer's dead letter.",
    ["domain"],
)
REDRIVES: Final = Gauge(
    "telltale_redrives", "Dead letters sent on again; claimed: nobody knows whether they were.", ["stage", "status"]
)
KPI_VERDICTS: Final = Gauge(
    "telltale_kpi_verdicts", "Verdicts of the last full minute.", ["tenant", "domain", "action"]
)
KPI_REASONS: Final = Gauge("telltale_kpi_reasons", "Reasons in verdicts of the last full minute.", ["domain", "reason"])
KPI_QUERY_SECONDS: Final = Histogram("telltale_kpi_query_seconds", "KPI queries.", buckets=_FAST_S)
INSIGHTS_REQUESTS: Final = Counter(
    "telltale_insights_requests_total", "KPI requests by outcome: answered, or a problem code.", ["outcome"]
)
INSIGHTS_SOURCE_UP: Final = Gauge(
    "telltale_insights_source_up", "1 while the source of the gauges above answers; at 0 they are absent.", ["source"]
)
INSIGHTS_SOURCE_READ: Final = Gauge(
    "telltale_insights_source_read_timestamp_seconds", "When the source was last read in full.", ["source"]
)
