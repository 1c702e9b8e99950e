-- What people look for by other names: verdict rows with their processing time, and the views behavior_data,
-- detection_results, behavior_logs and queue. Verdicts found by their id. What replaying a verdict needs, for the operator.
-- Rewrites the rows of verdicts that there are.
-- depends: 0011.started_sessions

ALTER TABLE verdicts ADD COLUMN processing_time_ms double precision NOT NULL
    GENERATED ALWAYS AS (date_part('epoch', scored_at - received_at) * 1000) STORED;
COMMENT ON COLUMN verdicts.received_at IS 'The gateway''s stamp of the batch.';
COMMENT ON COLUMN verdicts.scored_at IS 'When the scorer judged.';
COMMENT ON COLUMN verdicts.processing_time_ms IS 'From the gateway''s stamp to the verdict, waiting in Kafka included.';
COMMENT ON COLUMN verdicts.event_count IS 'Events and track samples in the batch.';

CREATE INDEX verdicts_by_id ON verdicts (verdict_id);

ALTER TABLE sessions ADD COLUMN last_trust_score smallint;
UPDATE sessions SET last_trust_score = round(100 * (1 - last_risk_score));
COMMENT ON COLUMN sessions.last_trust_score IS '0..100, of the latest verdict.';
COMMENT ON COLUMN sessions.source_offset IS 'Offset of the verdict it was written from.';
COMMENT ON COLUMN sessions.batch_count IS 'Batches seen by the verdict it was written from: one that has seen more replaces it.';

-- As in 0004.days, with generated columns.
CREATE OR REPLACE FUNCTION make_day(day_table day_tables, day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    parent   text := day_table.table_name;
    leaf     text := parent || '_' || to_char(day, 'YYYYMMDD');
    fallback text := parent || '_default';
    span     text := format('%I >= %L AND %1$I < %3$L', day_table.day_column, day::timestamptz, (day + 1)::timestamptz);
    columns  text;
BEGIN
    IF to_regclass(leaf) IS NOT NULL THEN
        RETURN false;
    END IF;
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = parent::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', fallback);
    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING GENERATED)', leaf, parent
    );
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE %s RETURNING %s) INSERT INTO %I (%3$s) SELECT %3$s FROM moved',
        fallback, span, columns, leaf
    );
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        parent, leaf, day::timestamptz, (day + 1)::timestamptz
    );
    PERFORM furnish_partition(day_table, leaf);
    RETURN true;
END
$$;

CREATE FUNCTION session_uuid(subject_type text, subject_id text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN subject_type = 'session' AND subject_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN subject_id::uuid END
$$;
COMMENT ON FUNCTION session_uuid IS 'The id of a started session that a subject may be; null when it is none.';

CREATE FUNCTION trust_level(trust_score smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN trust_score >= 80 THEN 'high' WHEN trust_score >= 60 THEN 'medium'
                WHEN trust_score >= 40 THEN 'low' WHEN trust_score IS NOT NULL THEN 'suspicious' END
$$;
COMMENT ON FUNCTION trust_level IS 'high from 80, medium from 60, low from 40, else suspicious.';

CREATE VIEW behavior_data WITH (security_invoker = true) AS
SELECT b.tenant_id, b.batch_id,
       CASE WHEN b.subject_type = 'session' THEN b.subject_id END AS session_id,
       CASE WHEN b.subject_type = 'customer' THEN b.subject_id ELSE s.user_id END AS user_id,
       b.event_count, b.clock_skew_ms, b.payload AS data, b.received_at AS created_at
FROM batches AS b
LEFT JOIN started_sessions AS s
    ON s.tenant_id = b.tenant_id AND s.session_id = session_uuid(b.subject_type, b.subject_id)
WHERE b.domain = 'behavior';
COMMENT ON VIEW behavior_data IS 'What was sent: one row a batch of behaviour. Its events are in the view events.';
COMMENT ON COLUMN behavior_data.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN behavior_data.batch_id IS 'Id of the batch: its verdict has it too.';
COMMENT ON COLUMN behavior_data.session_id IS 'The session judged; null when a customer or something else was.';
COMMENT ON COLUMN behavior_data.user_id IS 'The customer judged, or the user a session was started for; null when not said.';
COMMENT ON COLUMN behavior_data.event_count IS 'Events and track samples in the batch.';
COMMENT ON COLUMN behavior_data.clock_skew_ms IS 'How far the client''s clock is behind ours; add it to the client''s times.';
COMMENT ON COLUMN behavior_data.data IS 'The batch as JSON text, without key values.';
COMMENT ON COLUMN behavior_data.created_at IS 'When the gateway took it in; narrow by it, days lie in partitions.';

CREATE VIEW detection_results WITH (security_invoker = true) AS
SELECT v.tenant_id, v.verdict_id, v.batch_id,
       CASE WHEN v.subject_type = 'session' THEN v.subject_id END AS session_id,
       CASE WHEN v.subject_type = 'customer' THEN v.subject_id ELSE s.user_id END AS user_id,
       v.trust_score >= t.challenge_threshold AS is_human,
       round((1 - v.risk_score)::numeric, 6)::double precision AS score,
       v.risk_score, v.trust_score, v.confidence, v.action, v.label, v.reason_codes AS reasons,
       v.event_count, v.processing_time_ms, v.received_at, v.scored_at AS created_at
FROM verdicts AS v
LEFT JOIN tenants AS t ON t.tenant_id = v.tenant_id
LEFT JOIN started_sessions AS s
    ON s.tenant_id = v.tenant_id AND s.session_id = session_uuid(v.subject_type, v.subject_id)
WHERE v.domain = 'behavior';
COMMENT ON VIEW detection_results IS 'What was found: one row a verdict on behaviour, after each batch.';
COMMENT ON COLUMN detection_results.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN detection_results.verdict_id IS 'Id of the verdict: GET /v1/verdicts/{id}/explain tells why.';
COMMENT ON COLUMN detection_results.batch_id IS 'The batch after which it was given.';
COMMENT ON COLUMN detection_results.session_id IS 'The session judged; null when a customer or something else was.';
COMMENT ON COLUMN detection_results.user_id IS 'The customer judged, or the user a session was started for; null when not said.';
COMMENT ON COLUMN detection_results.is_human IS 'Whether the trust reaches the tenant''s threshold of now.';
COMMENT ON COLUMN detection_results.score IS '0..1, higher is more human: 1 - risk_score.';
COMMENT ON COLUMN detection_results.risk_score IS '0..1, higher is riskier.';
COMMENT ON COLUMN detection_results.trust_score IS '0..100.';
COMMENT ON COLUMN detection_results.confidence IS '0..1, grows with what has been seen.';
COMMENT ON COLUMN detection_results.action IS 'ALLOW, CHALLENGE, REVIEW or BLOCK.';
COMMENT ON COLUMN detection_results.label IS 'human, suspicious, bot or undecided.';
COMMENT ON COLUMN detection_results.reasons IS 'Reason codes, the largest contribution first.';
COMMENT ON COLUMN detection_results.event_count IS 'Events and track samples in the batch.';
COMMENT ON COLUMN detection_results.processing_time_ms IS 'From the gateway''s stamp to the verdict.';
COMMENT ON COLUMN detection_results.received_at IS 'When the gateway took in the batch; narrow by this one, days lie in partitions.';
COMMENT ON COLUMN detection_results.created_at IS 'When the scorer judged.';

CREATE VIEW behavior_logs WITH (security_invoker = true) AS
SELECT tenant_id, user_id, session_id, verdict_id, trust_score, trust_level(trust_score) AS trust_level,
       NOT is_human AS needs_captcha, confidence, action, reasons, event_count, processing_time_ms, received_at,
       created_at
FROM detection_results
WHERE user_id IS NOT NULL;
COMMENT ON VIEW behavior_logs IS 'How the trust in each user went: one row a verdict on somebody known.';
COMMENT ON COLUMN behavior_logs.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN behavior_logs.user_id IS 'The customer judged, or the user the session was started for.';
COMMENT ON COLUMN behavior_logs.session_id IS 'The session judged; null when the customer was.';
COMMENT ON COLUMN behavior_logs.verdict_id IS 'Id of the verdict: GET /v1/verdicts/{id}/explain tells why.';
COMMENT ON COLUMN behavior_logs.trust_score IS '0..100.';
COMMENT ON COLUMN behavior_logs.trust_level IS 'high from 80, medium from 60, low from 40, else suspicious.';
COMMENT ON COLUMN behavior_logs.needs_captcha IS 'Whether the trust is under the tenant''s threshold of now.';
COMMENT ON COLUMN behavior_logs.confidence IS '0..1, grows with what has been seen.';
COMMENT ON COLUMN behavior_logs.action IS 'ALLOW, CHALLENGE, REVIEW or BLOCK.';
COMMENT ON COLUMN behavior_logs.reasons IS 'Reason codes, the largest contribution first.';
COMMENT ON COLUMN behavior_logs.event_count IS 'Events and track samples in the batch.';
COMMENT ON COLUMN behavior_logs.processing_time_ms IS 'From the gateway''s stamp to the verdict.';
COMMENT ON COLUMN behavior_logs.received_at IS 'When the gateway took in the batch; narrow by this one, days lie in partitions.';
COMMENT ON COLUMN behavior_logs.created_at IS 'When the scorer judged.';

CREATE VIEW queue WITH (security_invoker = true) AS
SELECT DISTINCT ON (tenant_id, user_id)
       tenant_id, user_id, session_id, last_trust_score AS trust_score, trust_level(last_trust_score) AS trust_level,
       last_trust_score < t.challenge_threshold AS needs_captcha, last_risk_score AS risk_score, last_action AS action,
       last_label AS label, batch_count, event_count, last_verdict_id AS verdict_id, last_seen_at AS updated_at
FROM (
    SELECT tenant_id, subject_id AS user_id, NULL AS session_id, started_at, last_trust_score, last_risk_score,
           last_action, last_label, batch_count, event_count, last_verdict_id, last_seen_at
    FROM sessions
    WHERE domain = 'behavior' AND subject_type = 'customer'
    UNION ALL
    SELECT tenant_id, s.user_id, r.subject_id, r.started_at, last_trust_score, last_risk_score,
           last_action, last_label, batch_count, event_count, last_verdict_id, last_seen_at
    FROM started_sessions AS s JOIN sessions AS r USING (tenant_id)
    WHERE r.domain = 'behavior' AND r.subject_type = 'session' AND r.subject_id = s.session_id::text
      AND s.user_id IS NOT NULL
) AS runs
LEFT JOIN tenants AS t USING (tenant_id)
ORDER BY tenant_id, user_id, last_seen_at DESC, started_at DESC;
COMMENT ON VIEW queue IS 'The latest trust in each user: one row a user, as of the latest verdict on her or her sessions.';
COMMENT ON COLUMN queue.tenant_id IS 'Whose it is.';
COMMENT ON COLUMN queue.user_id IS 'The customer judged, or the user the session was started for.';
COMMENT ON COLUMN queue.session_id IS 'The session judged last; null when the customer was.';
COMMENT ON COLUMN queue.trust_score IS '0..100, of the latest verdict.';
COMMENT ON COLUMN queue.trust_level IS 'high from 80, medium from 60, low from 40, else suspicious.';
COMMENT ON COLUMN queue.needs_captcha IS 'Whether the trust is under the tenant''s threshold of now.';
COMMENT ON COLUMN queue.risk_score IS '0..1, higher is riskier.';
COMMENT ON COLUMN queue.action IS 'ALLOW, CHALLENGE, REVIEW or BLOCK.';
COMMENT ON COLUMN queue.label IS 'human, suspicious, bot or undecided.';
COMMENT ON COLUMN queue.batch_count IS 'Batches that the latest verdict looked back on.';
COMMENT ON COLUMN queue.event_count IS 'Events and track samples that the latest verdict looked back on.';
COMMENT ON COLUMN queue.verdict_id IS 'Id of the latest verdict: GET /v1/verdicts/{id}/explain tells why.';
COMMENT ON COLUMN queue.updated_at IS 'When the gateway took in the latest batch.';

-- The operator reads payloads only of the session of a verdict that is named, never in bulk.
CREATE FUNCTION verdict_to_replay(wanted uuid)
RETURNS TABLE (
    tenant_id text, domain text, subject_type text, subject_id text, document text, session_started_at timestamptz,
    seen_before_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT tenant_id, domain, subject_type, subject_id, document, session_started_at,
           (SELECT max(last_seen_at) FROM sessions AS earlier
            WHERE earlier.tenant_id = v.tenant_id AND earlier.domain = v.domain
              AND earlier.subject_type = v.subject_type AND earlier.subject_id = v.subject_id
              AND earlier.started_at < v.session_started_at)
    FROM verdicts AS v WHERE verdict_id = wanted
$$;
COMMENT ON FUNCTION verdict_to_replay IS
    'A verdict as stored, when its session began, and when its subject was last seen in an earlier one (null: never).';

CREATE FUNCTION batches_to_replay(wanted uuid)
RETURNS TABLE (
    place bigint, versions text, received_at timestamptz, stored_received_at timestamptz, clock_skew_ms bigint, payload text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
-- A session is found by its subject and its batches by their ids, however many others there are.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    WITH verdict AS (
        SELECT *, (document::json #>> '{session,batch_count}')::bigint AS place,
               (document::json #>> '{session,last_seen_at}')::timestamptz AS last_seen_at
        FROM verdicts WHERE verdict_id = wanted
    ), judged AS MATERIALIZED (
        SELECT v.tenant_id, v.batch_id, v.received_at, (v.document::json #>> '{session,batch_count}')::bigint AS place,
               v.document::json ->> 'versions' AS versions
        FROM verdict JOIN verdicts AS v
            ON v.tenant_id = verdict.tenant_id AND v.domain = verdict.domain AND v.subject_type = verdict.subject_type
               AND v.subject_id = verdict.subject_id AND v.session_started_at = verdict.session_started_at
               AND v.received_at <= verdict.last_seen_at
        WHERE (v.document::json #>> '{session,batch_count}')::bigint <= verdict.place
    )
    SELECT judged.place, judged.versions, judged.received_at, b.received_at, b.clock_skew_ms, b.payload
    FROM judged LEFT JOIN batches AS b
        ON b.tenant_id = judged.tenant_id AND b.batch_id = judged.batch_id
           AND b.received_at BETWEEN judged.received_at - interval '10 days' AND judged.received_at + interval '10 days'
    ORDER BY judged.place
$$;
COMMENT ON FUNCTION batches_to_replay IS
    'The batches of a verdict''s session up to its own, in the order they were judged in; payload is null when not stored.';

REVOKE EXECUTE ON FUNCTION session_uuid(text, text), trust_level(smallint), verdict_to_replay(uuid), batches_to_replay(uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_uuid(text, text), trust_level(smallint) TO telltale_gateway, telltale_insights;
GRANT SELECT ON behavior_data, detection_results, behavior_logs, queue TO telltale_gateway, telltale_insights;
GRANT EXECUTE ON FUNCTION verdict_to_replay(uuid), batches_to_replay(uuid) TO telltale_operator;
