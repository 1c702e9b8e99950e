DO $$
DECLARE
    policy record;
    role   text;
BEGIN
    FOR policy IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', policy.tablename);
    END LOOP;
    FOREACH role IN ARRAY ARRAY['telltale_persister', 'telltale_gateway', 'telltale_insights', 'telltale_monitor'] LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', role);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM %I', role);
    END LOOP;
END
$$;
DROP FUNCTION current_tenant();
