-- Sessions that callers start by name, written by the gateway; and from which trust a tenant wants no challenge.
-- depends: 0010.room

CREATE TABLE started_sessions (
    tenant_id  text NOT NULL REFERENCES tenants,
    session_id uuid NOT NULL,
    user_id    text CHECK (user_id ~ '^[A-Za-z0-9._:@=+~-]{1,128}$'),
    facts      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object' AND length(facts::text) <= 16384),
    started_at timestamptz NOT NULL,
    closed_at  timestamptz CHECK (closed_at >= started_at),
    PRIMARY KEY (tenant_id, session_id)
);
COMMENT ON TABLE started_sessions IS
    'Sessions started over the API. The subject of their batches is session/<session_id>; what was judged is in verdicts.';
COMMENT ON COLUMN started_sessions.user_id IS 'Who the caller says it is: the id of a subject customer, or null.';
COMMENT ON COLUMN started_sessions.facts IS
    'Device and network facts given at the start: fields of device.fingerprint and network.facts, nothing else.';
COMMENT ON COLUMN started_sessions.closed_at IS
    'When the caller closed it. Null also when it ended by itself: 30 minutes without data, or 24 hours old.';

CREATE INDEX started_sessions_by_user ON started_sessions (tenant_id, user_id, started_at DESC) WHERE user_id IS NOT NULL;
CREATE INDEX started_sessions_by_time ON started_sessions USING brin (started_at) WITH (pages_per_range = 32);

ALTER TABLE tenants ADD COLUMN challenge_threshold smallint NOT NULL DEFAULT 50
    CHECK (challenge_threshold BETWEEN 0 AND 100);
COMMENT ON COLUMN tenants.challenge_threshold IS
    'Trust, 0..100, below which the session API tells the caller to challenge the user.';

-- One call is one round trip: the session API asks this before it takes data.
CREATE FUNCTION look_up_session(tenant text, id uuid)
RETURNS TABLE (
    user_id text, started_at timestamptz, closed_at timestamptz, last_seen_at timestamptz, challenge_threshold smallint
)
LANGUAGE plpgsql SECURITY INVOKER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('telltale.tenant_id', tenant, true);
    RETURN QUERY
        SELECT s.user_id, s.started_at, s.closed_at,
               (SELECT max(seen.last_seen_at) FROM sessions AS seen
                WHERE seen.tenant_id = tenant AND seen.domain = 'behavior' AND seen.subject_type = 'session'
                  AND seen.subject_id = id::text AND seen.started_at >= s.started_at - interval '1 hour'),
               t.challenge_threshold
        FROM started_sessions AS s JOIN tenants AS t USING (tenant_id)
        WHERE s.tenant_id = tenant AND s.session_id = id;
END
$$;
COMMENT ON FUNCTION look_up_session IS
    'One session of the named tenant, when it was last seen (null: no verdict stored yet), and the tenant''s threshold.';

CREATE FUNCTION forget_started_sessions(keep_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    forgotten bigint;
BEGIN
    IF keep_days < 11 THEN
        RAISE EXCEPTION 'forget_started_sessions: keeps at least 11 days';
    END IF;
    DELETE FROM started_sessions WHERE started_at < now() - make_interval(days => keep_days);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION forget_started_sessions IS 'Delete sessions started over so many days ago; tells how many rows.';

REVOKE EXECUTE ON FUNCTION look_up_session(text, uuid), forget_started_sessions(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION look_up_session(text, uuid) TO telltale_gateway;
GRANT EXECUTE ON FUNCTION forget_started_sessions(integer) TO telltale_persister;
GRANT SELECT ON started_sessions TO telltale_gateway, telltale_insights;
GRANT INSERT (tenant_id, session_id, user_id, facts, started_at), UPDATE (closed_at) ON started_sessions TO telltale_gateway;

ALTER TABLE started_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE started_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON started_sessions TO telltale_owner USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON started_sessions FOR SELECT TO telltale_gateway, telltale_insights
    USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY gateway_starts ON started_sessions FOR INSERT TO telltale_gateway
    WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY gateway_closes ON started_sessions FOR UPDATE TO telltale_gateway
    USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()));
