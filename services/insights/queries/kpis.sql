-- Counts of one tenant, summed to steps, as telltale_insights. Row-level security holds the tenant; naming it again lets
-- the planner use it. $1 tenant, $2 and $3 the half-open range, $4 the step, $5 and $6 the whole hours within it that the
-- counts by hour answer (the same moment when there are none), $7 a domain or null for all.

-- name: name_tenant
SELECT set_config('telltale.tenant_id', $1, true);

-- name: batches
SELECT date_bin($4, at, '2000-01-01 00:00+00') AS start,
       sum(batches)::bigint AS batches,
       sum(events)::bigint AS events
FROM (
    SELECT hour AS at, batches, events FROM kpi_batches_by_hour
    WHERE tenant_id = $1 AND hour >= $5 AND hour < $6 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, batches, events FROM kpi_batches_by_minute
    WHERE tenant_id = $1 AND minute >= $2 AND minute < $5 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, batches, events FROM kpi_batches_by_minute
    WHERE tenant_id = $1 AND minute >= $6 AND minute < $3 AND ($7::text IS NULL OR domain = $7)
) AS counted
GROUP BY 1;

-- name: verdicts
SELECT date_bin($4, at, '2000-01-01 00:00+00') AS start,
       action,
       sum(verdicts)::bigint AS verdicts,
       sum(risk_sum) AS risk_sum
FROM (
    SELECT hour AS at, action, verdicts, risk_sum FROM kpi_verdicts_by_hour
    WHERE tenant_id = $1 AND hour >= $5 AND hour < $6 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, action, verdicts, risk_sum FROM kpi_verdicts_by_minute
    WHERE tenant_id = $1 AND minute >= $2 AND minute < $5 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, action, verdicts, risk_sum FROM kpi_verdicts_by_minute
    WHERE tenant_id = $1 AND minute >= $6 AND minute < $3 AND ($7::text IS NULL OR domain = $7)
) AS counted
GROUP BY 1, 2;

-- name: reasons
SELECT date_bin($4, at, '2000-01-01 00:00+00') AS start,
       reason,
       sum(verdicts)::bigint AS verdicts
FROM (
    SELECT hour AS at, reason, verdicts FROM kpi_reasons_by_hour
    WHERE tenant_id = $1 AND hour >= $5 AND hour < $6 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, reason, verdicts FROM kpi_reasons_by_minute
    WHERE tenant_id = $1 AND minute >= $2 AND minute < $5 AND ($7::text IS NULL OR domain = $7)
    UNION ALL
    SELECT minute, reason, verdicts FROM kpi_reasons_by_minute
    WHERE tenant_id = $1 AND minute >= $6 AND minute < $3 AND ($7::text IS NULL OR domain = $7)
) AS counted
GROUP BY 1, 2;

-- name: dead_letters
-- A dead letter may be of no readable domain, so they are counted across domains only.
SELECT date_bin($4, at, '2000-01-01 00:00+00') AS start,
       sum(letters)::bigint AS letters
FROM (
    SELECT hour AS at, letters FROM kpi_dead_letters_by_hour
    WHERE tenant_id = $1 AND hour >= $5 AND hour < $6
    UNION ALL
    SELECT minute, letters FROM kpi_dead_letters_by_minute
    WHERE tenant_id = $1 AND minute >= $2 AND minute < $5
    UNION ALL
    SELECT minute, letters FROM kpi_dead_letters_by_minute
    WHERE tenant_id = $1 AND minute >= $6 AND minute < $3
) AS counted
GROUP BY 1;
