-- Who may do what. Readers see one tenant, the one they name in the setting telltale.tenant_id; unset, they see nothing.
-- Partitions carry no policy because no reader holds a right on them.
-- depends: 0004.days 0005.events

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;

CREATE FUNCTION current_tenant() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT nullif(current_setting('telltale.tenant_id', true), '')
$$;
COMMENT ON FUNCTION current_tenant IS 'The tenant this transaction reads for, or null.';

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY[
        'tenants', 'api_keys', 'batches', 'verdicts', 'sessions', 'dead_letters', 'kpi_batches_by_minute',
        'kpi_verdicts_by_minute', 'kpi_reasons_by_minute', 'kpi_dead_letters_by_minute'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY owner_all ON %I TO telltale_owner USING (true) WITH CHECK (true)', guarded);
        IF guarded <> 'api_keys' THEN
            EXECUTE format(
                'CREATE POLICY own_tenant ON %I FOR SELECT TO telltale_gateway, telltale_insights USING (tenant_id = (SELECT current_tenant()))',
                guarded
            );
        END IF;
        IF guarded LIKE 'kpi%' THEN
            EXECUTE format('CREATE POLICY monitor_all ON %I FOR SELECT TO telltale_monitor USING (true)', guarded);
        END IF;
    END LOOP;
END
$$;

CREATE POLICY persister_reads ON batches FOR SELECT TO telltale_persister USING (true);
CREATE POLICY persister_reads ON verdicts FOR SELECT TO telltale_persister USING (true);
CREATE POLICY persister_reads ON dead_letters FOR SELECT TO telltale_persister USING (true);
CREATE POLICY persister_writes ON sessions TO telltale_persister USING (true) WITH CHECK (true);

GRANT SELECT ON batches, verdicts, dead_letters TO telltale_persister;
GRANT SELECT, INSERT, UPDATE ON sessions, stream_offsets TO telltale_persister;
GRANT EXECUTE ON FUNCTION maintain_days(text, integer, date), forget_kpis(integer) TO telltale_persister;

GRANT SELECT ON tenants, batches, verdicts, sessions, dead_letters, events TO telltale_gateway, telltale_insights;
GRANT EXECUTE ON FUNCTION active_api_keys(), current_tenant(), batch_events(json, bigint)
    TO telltale_gateway, telltale_insights;
GRANT SELECT ON kpi_batches_by_minute, kpi_verdicts_by_minute, kpi_reasons_by_minute, kpi_dead_letters_by_minute
    TO telltale_insights, telltale_monitor;
GRANT SELECT ON kpi_latency_by_minute, stream_offsets TO telltale_insights, telltale_monitor;
GRANT EXECUTE ON FUNCTION latency_bounds_ms() TO telltale_insights, telltale_monitor;
