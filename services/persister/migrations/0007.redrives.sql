-- Dead letters sent on again, once each; who looks after them; and letters counted by topic, to tell what was not judged.
-- depends: 0006.access

CREATE TABLE redrives (
    dead_letter_id      uuid PRIMARY KEY,
    stage               text NOT NULL,
    reason              text NOT NULL,
    source_topic        text NOT NULL,
    source_timestamp    timestamptz NOT NULL,
    tenant_id           text,
    claimed_by          text NOT NULL,
    claimed_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts            integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    published_partition integer,
    published_offset    bigint,
    done_at             timestamptz,
    status              text NOT NULL GENERATED ALWAYS AS (CASE WHEN done_at IS NULL THEN 'claimed' ELSE 'done' END) STORED,
    CONSTRAINT done_says_where CHECK ((done_at IS NULL) = (published_offset IS NULL))
);
COMMENT ON TABLE redrives IS 'One row a dead letter that was sent on again. Claimed before the broker has it, done after.';
COMMENT ON COLUMN redrives.published_offset IS 'Where the message stands again, on its source topic.';

CREATE TABLE kpi_letter_topics_by_minute (
    minute  timestamptz NOT NULL,
    topic   text NOT NULL,
    stage   text NOT NULL,
    reason  text NOT NULL,
    letters bigint NOT NULL,
    PRIMARY KEY (minute, topic, stage, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_letter_topics_by_minute IS 'Dead letters by the minute and the topic of the message, across tenants.';

INSERT INTO kpi_letter_topics_by_minute
SELECT date_bin('1 minute', source_timestamp, '2000-01-01 00:00+00'), source_topic, stage, reason, count(*)
FROM dead_letters GROUP BY 1, 2, 3, 4;

CREATE OR REPLACE FUNCTION roll_up_dead_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO kpi_dead_letters_by_minute AS kpi (minute, tenant_id, stage, reason, letters)
    SELECT date_bin('1 minute', source_timestamp, '2000-01-01 00:00+00'), coalesce(tenant_id, ''), stage, reason, count(*)
    FROM added GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, tenant_id, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters;

    INSERT INTO kpi_letter_topics_by_minute AS kpi (minute, topic, stage, reason, letters)
    SELECT date_bin('1 minute', source_timestamp, '2000-01-01 00:00+00'), source_topic, stage, reason, count(*)
    FROM added GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, topic, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION forget_kpis(keep_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    kpi       text;
    forgotten bigint := 0;
    deleted   bigint;
BEGIN
    IF keep_days < 11 THEN
        RAISE EXCEPTION 'forget_kpis: keeps at least 11 days';
    END IF;
    FOREACH kpi IN ARRAY ARRAY['batches', 'verdicts', 'reasons', 'dead_letters', 'letter_topics', 'latency'] LOOP
        EXECUTE format('DELETE FROM %I WHERE minute < now() - make_interval(days => $1)', 'kpi_' || kpi || '_by_minute')
        USING keep_days;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        forgotten := forgotten + deleted;
    END LOOP;
    RETURN forgotten;
END
$$;

-- The operator compares books across tenants: ids, counts and places, never a payload, except of dead letters.
CREATE POLICY operator_reads ON batches FOR SELECT TO telltale_operator USING (true);
CREATE POLICY operator_reads ON verdicts FOR SELECT TO telltale_operator USING (true);
CREATE POLICY operator_reads ON dead_letters FOR SELECT TO telltale_operator USING (true);
GRANT SELECT (received_at, source_offset, source_partition, event_count, batch_id, tenant_id, domain)
    ON batches TO telltale_operator;
GRANT SELECT (received_at, batch_id, tenant_id, domain) ON verdicts TO telltale_operator;
GRANT SELECT ON dead_letters, stream_offsets TO telltale_operator;
GRANT SELECT, INSERT, UPDATE ON redrives TO telltale_operator;
GRANT SELECT ON kpi_letter_topics_by_minute, redrives TO telltale_monitor;

-- Guarded like every table with a tenant, from its owner too.
ALTER TABLE redrives ENABLE ROW LEVEL SECURITY;
ALTER TABLE redrives FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON redrives TO telltale_owner USING (true) WITH CHECK (true);
CREATE POLICY operator_all ON redrives TO telltale_operator USING (true) WITH CHECK (true);
CREATE POLICY monitor_all ON redrives FOR SELECT TO telltale_monitor USING (true);
