-- What PostgreSQL holds, as telltale_operator. $1 of most: a tenant, or null for all.

-- name: rows_near
-- The rows of some batches, received in a span: the records of a window and their own rows have the same stamps.
SELECT tenant_id, batch_id, domain, source_partition, source_offset, event_count
FROM batches
WHERE batch_id = ANY ($1::uuid[]) AND received_at BETWEEN $2 AND $3;

-- name: rows_anywhere
SELECT tenant_id, batch_id, domain, source_partition, source_offset, event_count
FROM batches
WHERE batch_id = ANY ($1::uuid[]);

-- name: letters
SELECT dead_letter_id, reason
FROM dead_letters
WHERE dead_letter_id = ANY ($1::uuid[]);

-- name: letters_of_batches
-- Only for batches that have no row, which are few.
SELECT DISTINCT tenant_id, batch_id
FROM dead_letters
WHERE stage = 'persister' AND batch_id = ANY ($1::uuid[]);

-- name: books
SELECT topic, partition, first_offset, next_offset, persisted, duplicates, rejected
FROM stream_offsets
WHERE topic = ANY ($1::text[]);

-- name: days
-- The days that have a partition; what fits none lies before the first, or after the last.
SELECT to_date(right(child.relname, 8), 'YYYYMMDD') AS day
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'batches'::regclass AND child.relname ~ '_[0-9]{8}$'
ORDER BY 1;

-- name: persisted
SELECT tenant_id, count(*) AS batches
FROM batches
WHERE ($1::text IS NULL OR tenant_id = $1) AND received_at >= $2 AND received_at < $3
GROUP BY 1;

-- name: unscored
-- A verdict carries the stamp of its batch, so both lie in the same span.
SELECT tenant_id, batch_id, domain, source_partition, source_offset
FROM batches AS batch
WHERE ($1::text IS NULL OR tenant_id = $1) AND received_at >= $2 AND received_at < $3 AND domain = ANY ($4::text[])
  AND NOT EXISTS (
      SELECT FROM verdicts AS verdict
      WHERE verdict.batch_id = batch.batch_id AND verdict.tenant_id = batch.tenant_id
        AND verdict.received_at >= $2 AND verdict.received_at < $3
  );

-- name: doubled_batches
SELECT tenant_id, batch_id, count(*) - 1 AS more
FROM batches
WHERE $1::text IS NULL OR tenant_id = $1
GROUP BY tenant_id, batch_id HAVING count(*) > 1;

-- name: doubled_verdicts
SELECT tenant_id, batch_id, count(*) - 1 AS more
FROM verdicts
WHERE $1::text IS NULL OR tenant_id = $1
GROUP BY tenant_id, batch_id HAVING count(*) > 1;
