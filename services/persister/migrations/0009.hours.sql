-- Counts by hour beside those by minute, so that a long range is read from few rows. Both are kept by the same trigger,
-- from one look at the new rows. An hour is the sum of its minutes: of every kpi_<what>_by_hour, a row is the sum (of
-- latency_ms_max the greatest) of the rows of kpi_<what>_by_minute in that UTC hour with the same other key columns.
-- depends: 0008.texts

CREATE TABLE kpi_batches_by_hour (
    hour      timestamptz NOT NULL,
    tenant_id text NOT NULL,
    domain    text NOT NULL,
    batches   bigint NOT NULL,
    events    bigint NOT NULL,
    PRIMARY KEY (tenant_id, hour, domain)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_batches_by_hour IS 'kpi_batches_by_minute, summed by UTC hour.';

CREATE TABLE kpi_verdicts_by_hour (
    hour           timestamptz NOT NULL,
    tenant_id      text NOT NULL,
    domain         text NOT NULL,
    action         text NOT NULL,
    label          text NOT NULL,
    verdicts       bigint NOT NULL,
    events         bigint NOT NULL,
    risk_sum       double precision NOT NULL,
    latency_ms_sum double precision NOT NULL,
    latency_ms_max double precision NOT NULL,
    PRIMARY KEY (tenant_id, hour, domain, action, label)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_verdicts_by_hour IS 'kpi_verdicts_by_minute, summed by UTC hour; of latency_ms_max the greatest.';

CREATE TABLE kpi_reasons_by_hour (
    hour      timestamptz NOT NULL,
    tenant_id text NOT NULL,
    domain    text NOT NULL,
    action    text NOT NULL,
    reason    text NOT NULL,
    verdicts  bigint NOT NULL,
    PRIMARY KEY (tenant_id, hour, domain, action, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_reasons_by_hour IS 'kpi_reasons_by_minute, summed by UTC hour.';

CREATE TABLE kpi_dead_letters_by_hour (
    hour      timestamptz NOT NULL,
    tenant_id text NOT NULL,
    stage     text NOT NULL,
    reason    text NOT NULL,
    letters   bigint NOT NULL,
    PRIMARY KEY (tenant_id, hour, stage, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_dead_letters_by_hour IS 'kpi_dead_letters_by_minute, summed by UTC hour.';

-- A day by minutes is read of one tenant. A count's row is made once and then changed in place: these cost next to nothing.
CREATE INDEX kpi_batches_by_tenant ON kpi_batches_by_minute (tenant_id, minute);
CREATE INDEX kpi_verdicts_by_tenant ON kpi_verdicts_by_minute (tenant_id, minute);
CREATE INDEX kpi_reasons_by_tenant ON kpi_reasons_by_minute (tenant_id, minute);
CREATE INDEX kpi_dead_letters_by_tenant ON kpi_dead_letters_by_minute (tenant_id, minute);

-- Nothing may be counted between the sums and the triggers that go on from them.
LOCK TABLE batches, verdicts, dead_letters IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO kpi_batches_by_hour
SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, sum(batches), sum(events)
FROM kpi_batches_by_minute GROUP BY 1, 2, 3;

INSERT INTO kpi_verdicts_by_hour
SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, action, label,
       sum(verdicts), sum(events), sum(risk_sum), sum(latency_ms_sum), max(latency_ms_max)
FROM kpi_verdicts_by_minute GROUP BY 1, 2, 3, 4, 5;

INSERT INTO kpi_reasons_by_hour
SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, action, reason, sum(verdicts)
FROM kpi_reasons_by_minute GROUP BY 1, 2, 3, 4, 5;

INSERT INTO kpi_dead_letters_by_hour
SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, stage, reason, sum(letters)
FROM kpi_dead_letters_by_minute GROUP BY 1, 2, 3, 4;

-- Each function looks at the new rows once, in `counted`; what follows is made of its few groups.
CREATE OR REPLACE FUNCTION roll_up_batches() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    WITH counted AS MATERIALIZED (
        SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00') AS minute, tenant_id, domain,
               width_bucket(date_part('epoch', persisted_at - received_at) * 1000, latency_bounds_ms()) AS bucket,
               count(*) AS batches, sum(event_count) AS events
        FROM added GROUP BY 1, 2, 3, 4
    ), by_minute AS (
        INSERT INTO kpi_batches_by_minute AS kpi (minute, tenant_id, domain, batches, events)
        SELECT minute, tenant_id, domain, sum(batches), sum(events)
        FROM counted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (minute, tenant_id, domain) DO UPDATE
        SET batches = kpi.batches + excluded.batches, events = kpi.events + excluded.events
    ), by_hour AS (
        INSERT INTO kpi_batches_by_hour AS kpi (hour, tenant_id, domain, batches, events)
        SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, sum(batches), sum(events)
        FROM counted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (tenant_id, hour, domain) DO UPDATE
        SET batches = kpi.batches + excluded.batches, events = kpi.events + excluded.events
    )
    INSERT INTO kpi_latency_by_minute AS kpi (minute, measure, upper_ms, samples)
    SELECT minute, 'row', (latency_bounds_ms())[bucket + 1], sum(batches)
    FROM counted GROUP BY 1, 3 ORDER BY 1, 3
    ON CONFLICT (minute, measure, upper_ms) DO UPDATE SET samples = kpi.samples + excluded.samples;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION roll_up_verdicts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    WITH counted AS MATERIALIZED (
        SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00') AS minute, tenant_id, domain, action, label,
               reason_codes, width_bucket(date_part('epoch', scored_at - received_at) * 1000, latency_bounds_ms()) AS bucket,
               count(*) AS verdicts, sum(event_count) AS events, sum(risk_score) AS risk_sum,
               sum(date_part('epoch', scored_at - received_at) * 1000) AS latency_ms_sum,
               max(date_part('epoch', scored_at - received_at) * 1000) AS latency_ms_max
        FROM added GROUP BY 1, 2, 3, 4, 5, 6, 7
    ), by_reason AS MATERIALIZED (
        SELECT minute, tenant_id, domain, action, code, sum(verdicts) AS verdicts
        FROM counted CROSS JOIN LATERAL (SELECT DISTINCT unnest(reason_codes)) AS codes (code)
        GROUP BY 1, 2, 3, 4, 5
    ), verdicts_by_minute AS (
        INSERT INTO kpi_verdicts_by_minute AS kpi
            (minute, tenant_id, domain, action, label, verdicts, events, risk_sum, latency_ms_sum, latency_ms_max)
        SELECT minute, tenant_id, domain, action, label,
               sum(verdicts), sum(events), sum(risk_sum), sum(latency_ms_sum), max(latency_ms_max)
        FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (minute, tenant_id, domain, action, label) DO UPDATE
        SET verdicts = kpi.verdicts + excluded.verdicts,
            events = kpi.events + excluded.events,
            risk_sum = kpi.risk_sum + excluded.risk_sum,
            latency_ms_sum = kpi.latency_ms_sum + excluded.latency_ms_sum,
            latency_ms_max = greatest(kpi.latency_ms_max, excluded.latency_ms_max)
    ), verdicts_by_hour AS (
        INSERT INTO kpi_verdicts_by_hour AS kpi
            (hour, tenant_id, domain, action, label, verdicts, events, risk_sum, latency_ms_sum, latency_ms_max)
        SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, action, label,
               sum(verdicts), sum(events), sum(risk_sum), sum(latency_ms_sum), max(latency_ms_max)
        FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (tenant_id, hour, domain, action, label) DO UPDATE
        SET verdicts = kpi.verdicts + excluded.verdicts,
            events = kpi.events + excluded.events,
            risk_sum = kpi.risk_sum + excluded.risk_sum,
            latency_ms_sum = kpi.latency_ms_sum + excluded.latency_ms_sum,
            latency_ms_max = greatest(kpi.latency_ms_max, excluded.latency_ms_max)
    ), reasons_by_minute AS (
        INSERT INTO kpi_reasons_by_minute AS kpi (minute, tenant_id, domain, action, reason, verdicts)
        SELECT * FROM by_reason ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (minute, tenant_id, domain, action, reason) DO UPDATE
        SET verdicts = kpi.verdicts + excluded.verdicts
    ), reasons_by_hour AS (
        INSERT INTO kpi_reasons_by_hour AS kpi (hour, tenant_id, domain, action, reason, verdicts)
        SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, domain, action, code, sum(verdicts)
        FROM by_reason GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (tenant_id, hour, domain, action, reason) DO UPDATE
        SET verdicts = kpi.verdicts + excluded.verdicts
    )
    INSERT INTO kpi_latency_by_minute AS kpi (minute, measure, upper_ms, samples)
    SELECT minute, 'verdict', (latency_bounds_ms())[bucket + 1], sum(verdicts)
    FROM counted GROUP BY 1, 3 ORDER BY 1, 3
    ON CONFLICT (minute, measure, upper_ms) DO UPDATE SET samples = kpi.samples + excluded.samples;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION roll_up_dead_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    WITH counted AS MATERIALIZED (
        SELECT date_bin('1 minute', source_timestamp, '2000-01-01 00:00+00') AS minute,
               coalesce(tenant_id, '') AS tenant_id, source_topic AS topic, stage, reason, count(*) AS letters
        FROM added GROUP BY 1, 2, 3, 4, 5
    ), by_minute AS (
        INSERT INTO kpi_dead_letters_by_minute AS kpi (minute, tenant_id, stage, reason, letters)
        SELECT minute, tenant_id, stage, reason, sum(letters) FROM counted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (minute, tenant_id, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters
    ), by_hour AS (
        INSERT INTO kpi_dead_letters_by_hour AS kpi (hour, tenant_id, stage, reason, letters)
        SELECT date_bin('1 hour', minute, '2000-01-01 00:00+00'), tenant_id, stage, reason, sum(letters)
        FROM counted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, hour, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters
    )
    INSERT INTO kpi_letter_topics_by_minute AS kpi (minute, topic, stage, reason, letters)
    SELECT minute, topic, stage, reason, sum(letters) FROM counted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, topic, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION forget_kpis(keep_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    -- Whole hours, so that an hour's count and its minutes go together.
    before    timestamptz := date_bin('1 hour', now() - make_interval(days => keep_days), '2000-01-01 00:00+00');
    kpi       record;
    forgotten bigint := 0;
    deleted   bigint;
BEGIN
    IF keep_days < 11 THEN
        RAISE EXCEPTION 'forget_kpis: keeps at least 11 days';
    END IF;
    FOR kpi IN
        SELECT relname, substring(relname FROM '_by_(minute|hour)$') AS start FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^kpi_.*_by_(minute|hour)$'
    LOOP
        EXECUTE format('DELETE FROM %I WHERE %I < $1', kpi.relname, kpi.start) USING before;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        forgotten := forgotten + deleted;
    END LOOP;
    RETURN forgotten;
END
$$;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY[
        'kpi_batches_by_hour', 'kpi_verdicts_by_hour', 'kpi_reasons_by_hour', 'kpi_dead_letters_by_hour'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY owner_all ON %I TO telltale_owner USING (true) WITH CHECK (true)', guarded);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I FOR SELECT TO telltale_gateway, telltale_insights USING (tenant_id = (SELECT current_tenant()))',
            guarded
        );
        EXECUTE format('CREATE POLICY monitor_all ON %I FOR SELECT TO telltale_monitor USING (true)', guarded);
        EXECUTE format('GRANT SELECT ON %I TO telltale_insights, telltale_monitor', guarded);
    END LOOP;
END
$$;
