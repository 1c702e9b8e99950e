DROP FUNCTION active_api_keys();
CREATE FUNCTION active_api_keys()
RETURNS TABLE (key_id text, tenant_id text, secret_sha256 bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT key_id, tenant_id, secret_sha256 FROM public.api_keys WHERE revoked_at IS NULL AND origins IS NULL
$$;
COMMENT ON FUNCTION active_api_keys IS 'Every key in force: the only way a service reads keys.';
REVOKE EXECUTE ON FUNCTION active_api_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION active_api_keys() TO telltale_gateway, telltale_insights;

DELETE FROM api_keys WHERE origins IS NOT NULL;
ALTER TABLE api_keys DROP COLUMN origins;
