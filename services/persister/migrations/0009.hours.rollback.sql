CREATE OR REPLACE FUNCTION roll_up_batches() RETURNS trigger
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

CREATE OR REPLACE FUNCTION roll_up_verdicts() RETURNS trigger
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

DROP TABLE kpi_batches_by_hour;
DROP TABLE kpi_verdicts_by_hour;
DROP TABLE kpi_reasons_by_hour;
DROP TABLE kpi_dead_letters_by_hour;
DROP INDEX kpi_batches_by_tenant;
DROP INDEX kpi_verdicts_by_tenant;
DROP INDEX kpi_reasons_by_tenant;
DROP INDEX kpi_dead_letters_by_tenant;
