-- What PostgreSQL holds of some subjects since a time: one row for every row of a batch, with its verdicts.
-- $1: subject ids, $2: no earlier than this.
SELECT batch.batch_id, batch.subject_id, batch.event_count,
       verdict.rows AS verdicts, verdict.action, letter.rows AS dead_letters
FROM batches AS batch
LEFT JOIN LATERAL (
    SELECT count(*) AS rows, max(action) AS action
    FROM verdicts WHERE verdicts.batch_id = batch.batch_id AND verdicts.received_at >= $2
) AS verdict ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS rows
    FROM dead_letters WHERE dead_letters.batch_id = batch.batch_id AND source_timestamp >= $2
) AS letter ON true
WHERE batch.subject_id = ANY($1) AND batch.received_at >= $2
ORDER BY batch.received_at, batch.source_offset
