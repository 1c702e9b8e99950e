-- Publishable keys: they stand in web pages, so they open sessions alone, from pages of their origins.
-- depends: 0013.days_apart

ALTER TABLE api_keys ADD COLUMN origins text[] CHECK (cardinality(origins) BETWEEN 1 AND 100);
COMMENT ON COLUMN api_keys.origins IS 'Of a publishable key, the origins of the pages that may use it; null for a secret key.';

DROP FUNCTION active_api_keys();
CREATE FUNCTION active_api_keys()
RETURNS TABLE (key_id text, tenant_id text, secret_sha256 bytea, origins text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT key_id, tenant_id, secret_sha256, origins FROM public.api_keys WHERE revoked_at IS NULL
$$;
COMMENT ON FUNCTION active_api_keys IS 'Every key in force: the only way a service reads keys.';
REVOKE EXECUTE ON FUNCTION active_api_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION active_api_keys() TO telltale_gateway, telltale_insights;
