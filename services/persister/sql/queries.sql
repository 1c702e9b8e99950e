-- Named queries of the persister. One block each, from its name line to the next.

-- name: claim
-- Open the books of partitions seen for the first time.
INSERT INTO stream_offsets (topic, partition, first_offset, next_offset)
SELECT topic, partition, start, start
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS opened (topic, partition, start)
ON CONFLICT DO NOTHING;

-- name: next_offsets
SELECT topic, partition, next_offset
FROM stream_offsets
WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]));

-- name: advance
-- Compare and set: a partition whose next offset is not the expected one is not changed, and so not counted.
UPDATE stream_offsets AS books
SET next_offset = moved.next_offset,
    persisted = books.persisted + moved.persisted,
    duplicates = books.duplicates + moved.duplicates,
    rejected = books.rejected + moved.rejected,
    missing = books.missing + moved.missing,
    updated_at = now()
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS moved (topic, partition, expected, next_offset, persisted, duplicates, rejected, missing)
WHERE books.topic = moved.topic AND books.partition = moved.partition AND books.next_offset = moved.expected;

-- name: seen_batches
-- $1 ids, $2 the earliest row of the write. The same batch is taken again for at most 9 days and 5 minutes: events may be
-- 7 days old, 5 minutes ahead, and a clock 24 hours off either way (shared.contracts.batch.check_times).
SELECT tenant_id, batch_id
FROM batches
WHERE batch_id = ANY ($1::uuid[]) AND received_at >= $2::timestamptz - interval '10 days';

-- name: seen_payloads
-- The same, with what tells a batch sent again from another one with its id.
SELECT tenant_id, batch_id, domain, subject_type, subject_id, payload
FROM batches
WHERE batch_id = ANY ($1::uuid[]) AND received_at >= $2::timestamptz - interval '10 days';

-- name: seen_verdicts
SELECT tenant_id, batch_id
FROM verdicts
WHERE batch_id = ANY ($1::uuid[]) AND received_at >= $2::timestamptz - interval '10 days';

-- name: seen_dead_letters
SELECT '' AS tenant_id, dead_letter_id
FROM dead_letters
WHERE dead_letter_id = ANY ($1::uuid[]) AND source_timestamp >= $2::timestamptz - interval '10 days';

-- name: upsert_sessions
-- In key order, so that two writers lock rows in the same order. The verdict that has seen more batches stands: one that
-- was sent on again comes late, but is old.
INSERT INTO sessions AS old (
    tenant_id, domain, subject_type, subject_id, started_at, last_seen_at, batch_count, event_count,
    last_verdict_id, last_action, last_label, last_risk_score, last_trust_score, source_partition, source_offset
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::bigint[],
    $9::uuid[], $10::text[], $11::text[], $12::double precision[], $13::smallint[], $14::integer[], $15::bigint[]
) ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (tenant_id, domain, subject_type, subject_id, started_at) DO UPDATE
SET last_seen_at = excluded.last_seen_at,
    batch_count = excluded.batch_count,
    event_count = excluded.event_count,
    last_verdict_id = excluded.last_verdict_id,
    last_action = excluded.last_action,
    last_label = excluded.last_label,
    last_risk_score = excluded.last_risk_score,
    last_trust_score = excluded.last_trust_score,
    source_partition = excluded.source_partition,
    source_offset = excluded.source_offset,
    updated_at = now()
WHERE (old.batch_count, old.source_offset) < (excluded.batch_count, excluded.source_offset);

-- name: leaves
-- The partitions there are; a row of a day without one goes to the default partition.
SELECT child.relname
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent IN ('batches'::regclass, 'verdicts'::regclass, 'dead_letters'::regclass);

-- name: drop_old_days
SELECT drop_old_days($1, $2);

-- name: make_days
SELECT in_default FROM make_days($1);

-- name: forget_kpis
SELECT forget_kpis($1);

-- name: forget_started_sessions
SELECT forget_started_sessions($1);
