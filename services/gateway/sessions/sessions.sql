-- name: tenant
-- The tenant this transaction works for; row-level security hides every other.
SELECT set_config('telltale.tenant_id', $1, true);

-- name: begin
-- A session that is there already stays as it is.
INSERT INTO started_sessions (tenant_id, session_id, user_id, facts, started_at)
VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT (tenant_id, session_id) DO NOTHING;

-- name: look_up
SELECT user_id, started_at, closed_at, last_seen_at, challenge_threshold FROM look_up_session($1, $2);

-- name: close
UPDATE started_sessions SET closed_at = greatest($3, started_at)
WHERE tenant_id = $1 AND session_id = $2 AND closed_at IS NULL;

-- name: challenge_threshold
SELECT challenge_threshold FROM tenants WHERE tenant_id = $1;
