-- One partition a day, made ahead and dropped by age; what fits no day goes to a default partition and is never refused.
-- The persister copies straight into a day's partition: row-level security refuses COPY on the parent, and
-- a partition takes rows many at a time even with a trigger that sees them.
-- depends: 0003.kpis

CREATE TABLE day_tables (
    table_name     text PRIMARY KEY,
    day_column     text NOT NULL,
    unique_columns text,
    roll_up        text
);
COMMENT ON TABLE day_tables IS 'The tables with a partition a day: by what, unique within a day by what, counted by what.';

INSERT INTO day_tables VALUES
    ('batches', 'received_at', 'batch_id, tenant_id', 'roll_up_batches'),
    ('verdicts', 'received_at', 'batch_id, tenant_id', 'roll_up_verdicts'),
    ('sessions', 'started_at', NULL, NULL),
    ('dead_letters', 'source_timestamp', 'dead_letter_id', 'roll_up_dead_letters');

CREATE FUNCTION furnish_partition(day_table day_tables, leaf text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    IF day_table.unique_columns IS NOT NULL THEN
        -- The default partition spans all days: there a row is unique within its moment, as no day bounds a look-up.
        EXECUTE format(
            'CREATE UNIQUE INDEX %I ON %I (%s%s)', leaf || '_once', leaf, day_table.unique_columns,
            CASE WHEN leaf LIKE '%default' THEN ', ' || day_table.day_column ELSE '' END
        );
        EXECUTE format('GRANT INSERT ON %I TO telltale_persister', leaf);
    END IF;
    IF day_table.roll_up IS NOT NULL THEN
        EXECUTE format(
            'CREATE TRIGGER roll_up AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION %I()',
            leaf, day_table.roll_up
        );
    END IF;
END
$$;
COMMENT ON FUNCTION furnish_partition IS 'Give a partition what it does not inherit: key, trigger, right to be copied into.';

CREATE FUNCTION make_day(day_table day_tables, day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    parent   text := day_table.table_name;
    leaf     text := parent || '_' || to_char(day, 'YYYYMMDD');
    fallback text := parent || '_default';
    span     text := format('%I >= %L AND %1$I < %3$L', day_table.day_column, day::timestamptz, (day + 1)::timestamptz);
BEGIN
    IF to_regclass(leaf) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', fallback);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', leaf, parent);
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %s RETURNING *) INSERT INTO %I SELECT * FROM moved', fallback, span, leaf);
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        parent, leaf, day::timestamptz, (day + 1)::timestamptz
    );
    PERFORM furnish_partition(day_table, leaf);
    RETURN true;
END
$$;
COMMENT ON FUNCTION make_day IS 'Make one day''s partition, moving in what waits in the default one; false when it is there.';

CREATE FUNCTION drop_days(day_table day_tables, before date) RETURNS integer
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
COMMENT ON FUNCTION drop_days IS 'Drop the partitions of days before a date, and older rows of the default one.';

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
    SELECT count(*) FILTER (WHERE make_day(day_table, today + ahead)) INTO made FROM generate_series(-8, 3) AS ahead;
    dropped := drop_days(day_table, today - keep_days);
    EXECUTE format('SELECT count(*) FROM %I', name || '_default') INTO in_default;
END
$$;
COMMENT ON FUNCTION maintain_days IS
    'Make partitions from 8 days ago to 3 days ahead, drop those kept long enough; tells how many rows fit no day.';

CREATE FUNCTION forget_kpis(keep_days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    kpi       text;
    forgotten bigint := 0;
    deleted   bigint;
BEGIN
    IF keep_days < 11 THEN
        RAISE EXCEPTION 'forget_kpis: keeps at least 11 days';
    END IF;
    FOREACH kpi IN ARRAY ARRAY['batches', 'verdicts', 'reasons', 'dead_letters', 'latency'] LOOP
        EXECUTE format('DELETE FROM %I WHERE minute < now() - make_interval(days => $1)', 'kpi_' || kpi || '_by_minute')
        USING keep_days;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        forgotten := forgotten + deleted;
    END LOOP;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION forget_kpis IS 'Delete counts older than so many days; tells how many rows.';

CREATE TABLE batches_default PARTITION OF batches DEFAULT;
CREATE TABLE verdicts_default PARTITION OF verdicts DEFAULT;
CREATE TABLE sessions_default PARTITION OF sessions DEFAULT;
CREATE TABLE dead_letters_default PARTITION OF dead_letters DEFAULT;

SELECT furnish_partition(day_tables, table_name || '_default') FROM day_tables;

-- Rows written through the parent (a repair by hand) are counted as well; a statement fires only its own table's trigger.
CREATE TRIGGER roll_up AFTER INSERT ON batches
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_batches();
CREATE TRIGGER roll_up AFTER INSERT ON verdicts
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_verdicts();
CREATE TRIGGER roll_up AFTER INSERT ON dead_letters
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_dead_letters();

SELECT maintain_days(table_name, 30) FROM day_tables;
