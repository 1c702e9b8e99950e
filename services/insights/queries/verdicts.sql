-- One verdict of one tenant, as telltale_insights. Row-level security holds the tenant; naming it again lets the planner
-- use it.

-- name: name_tenant
SELECT set_config('telltale.tenant_id', $1, true);

-- name: verdict
-- $1 tenant, $2 the verdict's id.
SELECT document, scored_at, processing_time_ms
FROM verdicts
WHERE tenant_id = $1 AND verdict_id = $2;

-- name: session
-- The batches that a verdict looked back on, the latest first. $1 tenant, $2 domain, $3 and $4 the subject, $5 when the
-- session began, $6 when it was last seen, $7 how many batches it had then, $8 how many to give.
SELECT place, batch_id, verdict_id, received_at, event_count, action, risk_score
FROM (
    SELECT *, (document::json #>> '{session,batch_count}')::bigint AS place
    FROM verdicts
    WHERE tenant_id = $1 AND domain = $2 AND subject_type = $3 AND subject_id = $4 AND session_started_at = $5
      AND received_at <= $6
) AS judged
WHERE place <= $7
ORDER BY place DESC
LIMIT $8;
