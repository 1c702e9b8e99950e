-- Counts across tenants, as telltale_monitor.

-- name: verdicts_of_minute
SELECT tenant_id, domain, action, sum(verdicts)::bigint AS verdicts
FROM kpi_verdicts_by_minute
WHERE minute = $1
GROUP BY tenant_id, domain, action;

-- name: reasons_of_minute
SELECT domain, reason, sum(verdicts)::bigint AS verdicts
FROM kpi_reasons_by_minute
WHERE minute = $1
GROUP BY domain, reason;

-- name: scoring
-- $1 and $2 the half-open span, $3 domains and $4 their topics. Letters that were sent on again are taken back out:
-- what became of the message then is counted like any other.
WITH domains AS (
    SELECT domain, topic FROM unnest($3::text[], $4::text[]) AS named (domain, topic)
), letters AS (
    SELECT topic, stage, sum(letters) AS letters
    FROM (
        SELECT topic, stage, reason, letters FROM kpi_letter_topics_by_minute WHERE minute >= $1 AND minute < $2
        UNION ALL
        SELECT source_topic, stage, reason, -1 FROM redrives
        WHERE done_at IS NOT NULL AND source_timestamp >= $1 AND source_timestamp < $2
    ) AS counted
    WHERE reason <> 'batch_id_conflict' AND topic = ANY ($4::text[])
    GROUP BY topic, stage
)
SELECT domain,
       (SELECT coalesce(sum(batches), 0)::bigint FROM kpi_batches_by_minute AS kpi
        WHERE minute >= $1 AND minute < $2 AND kpi.domain = domains.domain) AS batches,
       (SELECT coalesce(sum(verdicts), 0)::bigint FROM kpi_verdicts_by_minute AS kpi
        WHERE minute >= $1 AND minute < $2 AND kpi.domain = domains.domain) AS verdicts,
       (SELECT coalesce(sum(letters), 0)::bigint FROM letters
        WHERE letters.topic = domains.topic AND stage = 'persister') AS rows_refused,
       (SELECT coalesce(sum(letters), 0)::bigint FROM letters
        WHERE letters.topic = domains.topic AND stage = 'scorer') AS scores_refused
FROM domains;

-- name: redrives
SELECT stage, status, count(*) AS letters
FROM redrives
GROUP BY stage, status;

-- name: outcomes
SELECT topic, partition, first_offset, next_offset, persisted, duplicates, rejected
FROM stream_offsets
WHERE topic = ANY ($1::text[]);
