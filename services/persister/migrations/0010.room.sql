-- Old days go even when there is no room to make new ones: their going is what makes room.
-- depends: 0009.hours

CREATE OR REPLACE FUNCTION maintain_days(
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
