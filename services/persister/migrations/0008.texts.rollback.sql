DROP VIEW events;
DROP FUNCTION batch_events(text, bigint);
ALTER TABLE batches ALTER COLUMN payload TYPE json USING payload::json;
ALTER TABLE verdicts ALTER COLUMN document TYPE json USING document::json;
CREATE FUNCTION batch_events(payload json, clock_skew_ms bigint)
RETURNS TABLE (event_index bigint, event_id text, type text, occurred_at timestamptz, attributes jsonb)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog SET timezone = 'UTC'
AS $$
DECLARE
    document jsonb;
    skew     interval;
    objects  jsonb := '[]';
    tracks   jsonb := '[]';
BEGIN
    skew := clock_skew_ms * interval '1 millisecond';
    document := payload::jsonb;
    IF jsonb_typeof(document -> 'events') = 'array' THEN
        objects := document -> 'events';
    END IF;
    IF jsonb_typeof(document -> 'tracks') = 'array' THEN
        tracks := document -> 'tracks';
    END IF;
    RETURN QUERY
        SELECT number - 1, event ->> 'event_id', event ->> 'type', (event ->> 'occurred_at')::timestamptz + skew,
               (event - '{type,occurred_at,event_id,attributes}'::text[]) || coalesce(event -> 'attributes', '{}')
        FROM jsonb_array_elements(objects) WITH ORDINALITY AS listed (event, number)
        WHERE jsonb_typeof(event) = 'object';
    RETURN QUERY
        WITH track AS (
            SELECT number, columns ->> 'type' AS type, (columns ->> 'started_at')::timestamptz + skew AS started_at,
                   columns - '{type,started_at}'::text[] AS columns
            FROM jsonb_array_elements(tracks) WITH ORDINALITY AS listed (columns, number)
            WHERE jsonb_typeof(columns) = 'object'
        ), constant AS (
            SELECT number, jsonb_object_agg(name, value) AS attributes
            FROM track CROSS JOIN LATERAL jsonb_each(columns) AS field (name, value)
            WHERE jsonb_typeof(value) <> 'array' GROUP BY number
        ), sample AS (
            SELECT number, place, min(cell::float8) FILTER (WHERE name = 't') AS offset_ms,
                   jsonb_object_agg(name, cell) FILTER (WHERE name <> 't') AS attributes
            FROM track
            CROSS JOIN LATERAL jsonb_each(columns) AS field (name, value)
            CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END)
                WITH ORDINALITY AS cells (cell, place)
            GROUP BY number, place
        )
        SELECT jsonb_array_length(objects) - 1 + row_number() OVER (ORDER BY number, place), NULL::text, track.type,
               track.started_at + sample.offset_ms * interval '1 millisecond',
               coalesce(constant.attributes, '{}') || coalesce(sample.attributes, '{}')
        FROM sample JOIN track USING (number) LEFT JOIN constant USING (number);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    -- json holds a few things jsonb cannot (\u0000, numbers without bound): one such row must not fail a whole query.
    RETURN QUERY SELECT -1::bigint, NULL::text, 'unreadable', NULL::timestamptz, '{}'::jsonb;
END
$$;
-- Parallel unsafe, because a parallel query may not enter the block that catches errors.
COMMENT ON FUNCTION batch_events IS 'Expand a batch to its events, times corrected by the client''s clock skew.';

CREATE VIEW events WITH (security_invoker = true) AS
SELECT b.tenant_id, b.domain, b.subject_type, b.subject_id, b.batch_id, b.received_at,
       e.event_index, coalesce(e.event_id, b.batch_id || ':' || e.event_index) AS event_id,
       e.type, e.occurred_at, e.attributes
FROM batches AS b CROSS JOIN LATERAL batch_events(b.payload, b.clock_skew_ms) AS e;
COMMENT ON VIEW events IS
    'One row an event object or a track sample. Always narrow it by received_at, subject or batch: it unpacks batches.';
REVOKE EXECUTE ON FUNCTION batch_events(json, bigint) FROM PUBLIC;
GRANT SELECT ON events TO telltale_gateway, telltale_insights;
GRANT EXECUTE ON FUNCTION batch_events(json, bigint) TO telltale_gateway, telltale_insights;
CREATE OR REPLACE FUNCTION furnish_partition(day_table day_tables, leaf text) RETURNS void
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
ALTER TABLE day_tables DROP COLUMN fillfactor;
