-- name: tenant
-- The tenant this transaction reads for; row-level security hides every other.
SELECT set_config('telltale.tenant_id', $1, true);

-- name: receipt
-- One row: what is known of a batch. A batch sent again on another day has a row in each; the first one counts.
SELECT batch.domain, batch.subject, batch.event_count, batch.received_at, batch.persisted_at,
       verdict.verdict_id, verdict.scored_at, verdict.domain AS verdict_domain, verdict.subject AS verdict_subject,
       verdict.event_count AS verdict_event_count, verdict.received_at AS verdict_received_at
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    SELECT domain, subject_type || '/' || subject_id AS subject, event_count, received_at, persisted_at
    FROM batches WHERE batch_id = $1 ORDER BY received_at LIMIT 1
) AS batch ON true
LEFT JOIN LATERAL (
    SELECT verdict_id, scored_at, domain, subject_type || '/' || subject_id AS subject, event_count, received_at
    FROM verdicts WHERE batch_id = $1 ORDER BY received_at LIMIT 1
) AS verdict ON true;

-- name: rejections
-- Why a batch or its verdict went no further.
SELECT stage, reason, detail, persisted_at FROM dead_letters WHERE batch_id = $1 ORDER BY persisted_at LIMIT 20;

-- name: latest_verdict
-- A subject's latest verdict as it was published.
SELECT document::text AS document FROM verdicts
WHERE tenant_id = $1 AND subject_type = $2 AND subject_id = $3
ORDER BY received_at DESC, source_offset DESC LIMIT 1;
