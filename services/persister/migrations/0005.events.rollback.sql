DROP VIEW events;
DROP FUNCTION batch_events(json, bigint);
