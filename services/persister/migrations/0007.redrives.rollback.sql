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
    FOREACH kpi IN ARRAY ARRAY['batches', 'verdicts', 'reasons', 'dead_letters', 'latency'] LOOP
        EXECUTE format('DELETE FROM %I WHERE minute < now() - make_interval(days => $1)', 'kpi_' || kpi || '_by_minute')
        USING keep_days;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        forgotten := forgotten + deleted;
    END LOOP;
    RETURN forgotten;
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
    RETURN NULL;
END
$$;

DROP TABLE kpi_letter_topics_by_minute;
DROP TABLE redrives;
DROP POLICY operator_reads ON dead_letters;
DROP POLICY operator_reads ON verdicts;
DROP POLICY operator_reads ON batches;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM telltale_operator;
