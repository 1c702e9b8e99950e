-- Dead letters and their redrives, as telltale_operator.

-- name: listed
-- $1 tenant, $2 reason, $3 stage, $4 since when, each null for all; $5 how many, the newest.
SELECT letter.dead_letter_id, letter.stage, letter.reason, letter.detail, letter.source_topic, letter.source_partition,
       letter.source_offset, letter.source_timestamp, letter.persisted_at, letter.tenant_id, letter.batch_id,
       letter.traceparent, letter.record_key, letter.headers, octet_length(letter.payload) AS payload_bytes,
       redrive.status, redrive.claimed_by, redrive.claimed_at, redrive.attempts, redrive.published_partition,
       redrive.published_offset, redrive.done_at
FROM dead_letters AS letter LEFT JOIN redrives AS redrive USING (dead_letter_id)
WHERE ($1::text IS NULL OR letter.tenant_id = $1) AND ($2::text IS NULL OR letter.reason = $2)
  AND ($3::text IS NULL OR letter.stage = $3) AND ($4::timestamptz IS NULL OR letter.source_timestamp >= $4)
ORDER BY letter.source_timestamp DESC, letter.source_topic, letter.source_partition, letter.source_offset DESC
LIMIT $5;

-- name: one
SELECT letter.dead_letter_id, letter.stage, letter.reason, letter.detail, letter.source_topic, letter.source_partition,
       letter.source_offset, letter.source_timestamp, letter.persisted_at, letter.tenant_id, letter.batch_id,
       letter.traceparent, letter.record_key, letter.headers, octet_length(letter.payload) AS payload_bytes,
       redrive.status, redrive.claimed_by, redrive.claimed_at, redrive.attempts, redrive.published_partition,
       redrive.published_offset, redrive.done_at
FROM dead_letters AS letter LEFT JOIN redrives AS redrive USING (dead_letter_id)
WHERE letter.dead_letter_id = $1;

-- name: payload
SELECT payload FROM dead_letters WHERE dead_letter_id = $1;

-- name: now
SELECT clock_timestamp();

-- name: open_of_reason
-- Letters not sent on again yet, in the order of their messages, after the one of $3 to $7. A letter that a redrive of the
-- same run makes is younger than $2 and left alone.
SELECT source_timestamp, source_topic, source_partition, source_offset, dead_letter_id
FROM dead_letters AS letter
WHERE reason = $1 AND persisted_at < $2 AND starts_with(source_topic, $9)
  AND (source_timestamp, source_topic, source_partition, source_offset, dead_letter_id) > ($3, $4, $5, $6, $7)
  AND NOT EXISTS (
      SELECT FROM redrives AS redrive WHERE redrive.dead_letter_id = letter.dead_letter_id AND redrive.done_at IS NOT NULL
  )
ORDER BY source_timestamp, source_topic, source_partition, source_offset, dead_letter_id
LIMIT $8;

-- name: take_in_hand
-- Held by the session, so that a process that ends gives it back.
SELECT pg_try_advisory_lock(hashtextextended('telltale.redrive.' || $1, 0));

-- name: let_go
SELECT pg_advisory_unlock(hashtextextended('telltale.redrive.' || $1, 0));

-- name: claim
INSERT INTO redrives AS old (dead_letter_id, stage, reason, source_topic, source_timestamp, tenant_id, claimed_by)
SELECT dead_letter_id, stage, reason, source_topic, source_timestamp, tenant_id, $2
FROM dead_letters WHERE dead_letter_id = $1
ON CONFLICT (dead_letter_id) DO UPDATE
SET attempts = old.attempts + 1, claimed_by = excluded.claimed_by, claimed_at = excluded.claimed_at
WHERE old.done_at IS NULL
RETURNING attempts;

-- name: finish
UPDATE redrives SET done_at = clock_timestamp(), published_partition = $2, published_offset = $3
WHERE dead_letter_id = $1 AND done_at IS NULL;
