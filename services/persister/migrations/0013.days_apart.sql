-- Days are made and dropped in transactions of their own. In one, making held the default partition while dropping waited
-- for the table's readers, who waited for the default partition: PostgreSQL ended one of them as a deadlock's victim.
-- depends: 0012.views

DROP FUNCTION maintain_days(text, integer, date);

CREATE FUNCTION make_days(
    name text, today date DEFAULT (now() AT TIME ZONE 'UTC')::date, OUT made integer, OUT in_default bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    day_table day_tables;
BEGIN
    SELECT * INTO STRICT day_table FROM day_tables WHERE table_name = name;
    PERFORM pg_advisory_xact_lock(hashtext('telltale.days'));
    SELECT count(*) FILTER (WHERE make_day(day_table, today + ahead)) INTO made FROM generate_series(-8, 3) AS ahead;
    EXECUTE format('SELECT count(*) FROM %I', name || '_default') INTO in_default;
END
$$;
COMMENT ON FUNCTION make_days IS
    'Make partitions from 8 days ago to 3 days ahead; tells how many were made, and how many rows fit no day.';

CREATE OR REPLACE FUNCTION drop_days(day_table day_tables, before date) RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    leaf    text;
    dropped integer := 0;
BEGIN
    EXECUTE format(
        'DELETE FROM %I WHERE %I < %L', day_table.table_name || '_default', day_table.day_column, before::timestamptz
    );
    -- From the first drop on nobody reads the table until the commit: nothing slow comes after it.
    FOR leaf IN
        SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = day_table.table_name::regclass AND child.relname ~ '_[0-9]{8}$'
          AND to_date(right(child.relname, 8), 'YYYYMMDD') < before
    LOOP
        EXECUTE format('DROP TABLE %I', leaf);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

CREATE FUNCTION drop_old_days(name text, keep_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    day_table day_tables;
BEGIN
    -- The guard keeps a wrong setting from dropping what is still in use.
    IF keep_days < 11 THEN
        RAISE EXCEPTION 'drop_old_days: keeps at least 11 days';
    END IF;
    SELECT * INTO STRICT day_table FROM day_tables WHERE table_name = name;
    PERFORM pg_advisory_xact_lock(hashtext('telltale.days'));
    RETURN drop_days(day_table, (now() AT TIME ZONE 'UTC')::date - keep_days);
END
$$;
COMMENT ON FUNCTION drop_old_days IS 'Drop the partitions of days kept long enough, and rows as old of the default one; tells how many partitions.';

REVOKE EXECUTE ON FUNCTION make_days(text, date), drop_old_days(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_days(text, date), drop_old_days(text, integer) TO telltale_persister;
