DO $$
DECLARE
    leaf regclass;
BEGIN
    FOR leaf IN SELECT inhrelid FROM pg_inherits JOIN day_tables ON inhparent = table_name::regclass LOOP
        EXECUTE format('DROP TABLE %s', leaf);
    END LOOP;
END
$$;
DROP TRIGGER roll_up ON dead_letters;
DROP TRIGGER roll_up ON verdicts;
DROP TRIGGER roll_up ON batches;
DROP FUNCTION forget_kpis(integer);
DROP FUNCTION maintain_days(text, integer, date);
DROP FUNCTION drop_days(day_tables, date);
DROP FUNCTION make_day(day_tables, date);
DROP FUNCTION furnish_partition(day_tables, text);
DROP TABLE day_tables;
