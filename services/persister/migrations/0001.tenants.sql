-- Customer organisations and their API keys.

CREATE TABLE tenants (
    tenant_id  text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenants IS 'Customer organisations.';

CREATE TABLE api_keys (
    key_id        text PRIMARY KEY CHECK (key_id ~ '^[0-9a-f]{16}$'),
    tenant_id     text NOT NULL REFERENCES tenants,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at    timestamptz NOT NULL DEFAULT now(),
    revoked_at    timestamptz
);
COMMENT ON TABLE api_keys IS 'API keys; of the secret only its SHA-256 is kept. Set revoked_at to end a key.';

CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id);

CREATE FUNCTION active_api_keys()
RETURNS TABLE (key_id text, tenant_id text, secret_sha256 bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT key_id, tenant_id, secret_sha256 FROM public.api_keys WHERE revoked_at IS NULL
$$;
COMMENT ON FUNCTION active_api_keys IS 'Every key in force: the only way a service reads keys.';
