-- One verdict and what led to it, as telltale_operator. $1 of both: the verdict's id.

-- name: verdict
SELECT tenant_id, domain, subject_type, subject_id, document, session_started_at, seen_before_at
FROM verdict_to_replay($1);

-- name: batches
SELECT place, versions, received_at, stored_received_at, clock_skew_ms, payload
FROM batches_to_replay($1);
