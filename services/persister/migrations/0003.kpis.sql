-- Counts by minute, kept by triggers in the transaction of the rows they count: exact under re-delivery and late data.
-- Each upsert is ordered by its key, so that two writers lock rows in the same order.
-- depends: 0002.rows

CREATE TABLE kpi_batches_by_minute (
    minute    timestamptz NOT NULL,
    tenant_id text NOT NULL,
    domain    text NOT NULL,
    batches   bigint NOT NULL,
    events    bigint NOT NULL,
    PRIMARY KEY (minute, tenant_id, domain)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_batches_by_minute IS 'Batches and events by the minute the gateway received them.';

CREATE TABLE kpi_verdicts_by_minute (
    minute         timestamptz NOT NULL,
    tenant_id      text NOT NULL,
    domain         text NOT NULL,
    action         text NOT NULL,
    label          text NOT NULL,
    verdicts       bigint NOT NULL,
    events         bigint NOT NULL,
    risk_sum       double precision NOT NULL,
    latency_ms_sum double precision NOT NULL,
    latency_ms_max double precision NOT NULL,
    PRIMARY KEY (minute, tenant_id, domain, action, label)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_verdicts_by_minute IS 'Verdicts by the minute their batch was received; latency is from there to the verdict.';

CREATE TABLE kpi_reasons_by_minute (
    minute    timestamptz NOT NULL,
    tenant_id text NOT NULL,
    domain    text NOT NULL,
    action    text NOT NULL,
    reason    text NOT NULL,
    verdicts  bigint NOT NULL,
    PRIMARY KEY (minute, tenant_id, domain, action, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_reasons_by_minute IS 'Verdicts by reason: one verdict counts once for each of its reasons.';

CREATE TABLE kpi_dead_letters_by_minute (
    minute    timestamptz NOT NULL,
    tenant_id text NOT NULL,
    stage     text NOT NULL,
    reason    text NOT NULL,
    letters   bigint NOT NULL,
    PRIMARY KEY (minute, tenant_id, stage, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_dead_letters_by_minute IS 'Dead letters by the minute of the message; tenant_id is empty when unknown.';

CREATE TABLE kpi_latency_by_minute (
    minute   timestamptz NOT NULL,
    measure  text NOT NULL CHECK (measure IN ('verdict', 'row')),
    upper_ms double precision NOT NULL,
    samples  bigint NOT NULL,
    PRIMARY KEY (minute, measure, upper_ms)
) WITH (fillfactor = 70);
COMMENT ON TABLE kpi_latency_by_minute IS
    'Histogram of time since the gateway''s stamp: to the verdict, to the batch''s row. Not cumulative; last bound Infinity.';

CREATE FUNCTION latency_bounds_ms() RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT '{1,2,4,6,10,15,20,30,50,100,200,500,1000,2000,5000,10000,30000,Infinity}'::double precision[]
$$;
COMMENT ON FUNCTION latency_bounds_ms IS 'Upper bounds of the latency histogram''s buckets.';

CREATE FUNCTION roll_up_batches() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO kpi_batches_by_minute AS kpi (minute, tenant_id, domain, batches, events)
    SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00'), tenant_id, domain, count(*), sum(event_count)
    FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (minute, tenant_id, domain) DO UPDATE
    SET batches = kpi.batches + excluded.batches, events = kpi.events + excluded.events;

    INSERT INTO kpi_latency_by_minute AS kpi (minute, measure, upper_ms, samples)
    SELECT minute, 'row', (latency_bounds_ms())[bucket + 1], samples
    FROM (
        SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00') AS minute,
               width_bucket(date_part('epoch', persisted_at - received_at) * 1000, latency_bounds_ms()) AS bucket,
               count(*) AS samples
        FROM added GROUP BY 1, 2
    ) AS counted ORDER BY 1, 2, 3
    ON CONFLICT (minute, measure, upper_ms) DO UPDATE SET samples = kpi.samples + excluded.samples;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION roll_up_batches IS 'Count new rows of batches.';

CREATE FUNCTION roll_up_verdicts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO kpi_verdicts_by_minute AS kpi
        (minute, tenant_id, domain, action, label, verdicts, events, risk_sum, latency_ms_sum, latency_ms_max)
    SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00'), tenant_id, domain, action, label,
           count(*), sum(event_count), sum(risk_score),
           sum(date_part('epoch', scored_at - received_at) * 1000),
           max(date_part('epoch', scored_at - received_at) * 1000)
    FROM added GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (minute, tenant_id, domain, action, label) DO UPDATE
    SET verdicts = kpi.verdicts + excluded.verdicts,
        events = kpi.events + excluded.events,
        risk_sum = kpi.risk_sum + excluded.risk_sum,
        latency_ms_sum = kpi.latency_ms_sum + excluded.latency_ms_sum,
        latency_ms_max = greatest(kpi.latency_ms_max, excluded.latency_ms_max);

    INSERT INTO kpi_reasons_by_minute AS kpi (minute, tenant_id, domain, action, reason, verdicts)
    SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00'), tenant_id, domain, action, code, count(*)
    FROM added CROSS JOIN LATERAL (SELECT DISTINCT unnest(reason_codes)) AS codes (code)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (minute, tenant_id, domain, action, reason) DO UPDATE
    SET verdicts = kpi.verdicts + excluded.verdicts;

    INSERT INTO kpi_latency_by_minute AS kpi (minute, measure, upper_ms, samples)
    SELECT minute, 'verdict', (latency_bounds_ms())[bucket + 1], samples
    FROM (
        SELECT date_bin('1 minute', received_at, '2000-01-01 00:00+00') AS minute,
               width_bucket(date_part('epoch', scored_at - received_at) * 1000, latency_bounds_ms()) AS bucket,
               count(*) AS samples
        FROM added GROUP BY 1, 2
    ) AS counted ORDER BY 1, 2, 3
    ON CONFLICT (minute, measure, upper_ms) DO UPDATE SET samples = kpi.samples + excluded.samples;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION roll_up_verdicts IS 'Count new rows of verdicts.';

CREATE FUNCTION roll_up_dead_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO kpi_dead_letters_by_minute AS kpi (minute, tenant_id, stage, reason, letters)
    SELECT date_bin('1 minute', source_timestamp, '2000-01-01 00:00+00'), coalesce(tenant_id, ''), stage, reason, count(*)
    FROM added GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (minute, tenant_id, stage, reason) DO UPDATE SET letters = kpi.letters + excluded.letters;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION roll_up_dead_letters IS 'Count new rows of dead_letters.';
