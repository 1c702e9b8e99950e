-- Counts across tenants, as telltale_monitor.

-- name: verdicts_of_minute
SELECT tenant_id, domain, action, sum(verdicts)::bigint AS verdicts
FROM kpi_verdicts_by_minute
WHERE minute = $1
GROUP BY tenant_id, domain, action;

-- name: reasons_of_minute
SELECT domain, reason, sum(verdicts)::bigint AS verdicts
FROM kpi_reasons_by_minute
WHERE minute = $1
GROUP BY domain, reason;

-- name: outcomes
SELECT topic, partition, first_offset, next_offset, persisted, duplicates, rejected
FROM stream_offsets
WHERE topic = ANY ($1::text[]);
