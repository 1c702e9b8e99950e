DROP FUNCTION active_api_keys();
DROP TABLE api_keys;
DROP TABLE tenants;
