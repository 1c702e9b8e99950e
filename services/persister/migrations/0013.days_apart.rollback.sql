DROP FUNCTION drop_old_days(text, integer);
DROP FUNCTION make_days(text, date);

CREATE OR REPLACE FUNCTION drop_days(day_table day_tables, before date) RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    leaf    text;
    dropped integer := 0;
BEGIN
    FOR leaf IN
        SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = day_table.table_name::regclass AND child.relname ~ '_[0-9]{8}$'
          AND to_date(right(child.relname, 8), 'YYYYMMDD') < before
    LOOP
        EXECUTE format('DROP TABLE %I', leaf);
        dropped := dropped + 1;
    END LOOP;
    EXECUTE format(
        'DELETE FROM %I WHERE %I < %L', day_table.table_name || '_default', day_table.day_column, before::timestamptz
    );
    RETURN dropped;
END
$$;

CREATE FUNCTION maintain_days(
    name text, keep_days integer, today date DEFAULT (now() AT TIME ZONE 'UTC')::date,
    OUT made integer, OUT dropped integer, OUT in_default bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s'
AS $$
DECLARE
    day_table day_tables;
BEGIN
    -- The guards keep a wrong setting or clock from dropping what is still in use.
    IF keep_days < 11 OR today > (now() AT TIME ZONE 'UTC')::date + 1 THEN
        RAISE EXCEPTION 'maintain_days: keeps at least 11 days, counted from a day that is not in the future';
    END IF;
    SELECT * INTO STRICT day_table FROM day_tables WHERE table_name = name;
    PERFORM pg_advisory_xact_lock(hashtext('telltale.days'));
    BEGIN
        SELECT count(*) FILTER (WHERE make_day(day_table, today + ahead)) INTO made FROM generate_series(-8, 3) AS ahead;
    EXCEPTION WHEN disk_full THEN
        made := NULL;
    END;
    dropped := drop_days(day_table, today - keep_days);
    EXECUTE format('SELECT count(*) FROM %I', name || '_default') INTO in_default;
END
$$;
COMMENT ON FUNCTION maintain_days IS
    'Make partitions from 8 days ago to 3 days ahead (made is null when there is no room), drop those kept long enough; tells how many rows fit no day.';
REVOKE EXECUTE ON FUNCTION maintain_days(text, integer, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION maintain_days(text, integer, date) TO telltale_persister;
