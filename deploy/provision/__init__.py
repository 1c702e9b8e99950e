"""Make the broker and the database ready: topics, roles, database, migrations, tenants, keys. Safe to run again."""
