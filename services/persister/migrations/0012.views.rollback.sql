DROP FUNCTION batches_to_replay(uuid);
DROP FUNCTION verdict_to_replay(uuid);
DROP VIEW queue;
DROP VIEW behavior_logs;
DROP VIEW detection_results;
DROP VIEW behavior_data;
DROP FUNCTION trust_level(smallint);
DROP FUNCTION session_uuid(text, text);
ALTER TABLE sessions DROP COLUMN last_trust_score;
DROP INDEX verdicts_by_id;
ALTER TABLE verdicts DROP COLUMN processing_time_ms;

CREATE OR REPLACE FUNCTION make_day(day_table day_tables, day date) RETURNS boolean
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
