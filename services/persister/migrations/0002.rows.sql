-- What the persister writes: one row a batch, a verdict, a session, a dead letter; and its books.
-- depends: 0001.tenants

CREATE TABLE stream_offsets (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset  bigint NOT NULL,
    persisted    bigint NOT NULL DEFAULT 0 CHECK (persisted >= 0),
    duplicates   bigint NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    rejected     bigint NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    missing      bigint NOT NULL DEFAULT 0 CHECK (missing >= 0),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition),
    CONSTRAINT every_offset_has_an_outcome
        CHECK (next_offset - first_offset = persisted + duplicates + rejected + missing)
) WITH (fillfactor = 50);
COMMENT ON TABLE stream_offsets IS 'The books: what became of every record of every partition, in the transaction of its row.';
COMMENT ON COLUMN stream_offsets.next_offset IS 'First offset not yet written; whoever changes it owns the partition.';
COMMENT ON COLUMN stream_offsets.missing IS 'Offsets the broker no longer had when they were due: 0, or records were lost.';

CREATE TABLE batches (
    received_at      timestamptz NOT NULL,
    persisted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    source_offset    bigint NOT NULL,
    clock_skew_ms    bigint NOT NULL,
    source_partition integer NOT NULL,
    event_count      integer NOT NULL,
    batch_id         uuid NOT NULL,
    tenant_id        text NOT NULL,
    domain           text NOT NULL,
    subject_type     text NOT NULL,
    subject_id       text NOT NULL,
    traceparent      text NOT NULL,
    payload          json NOT NULL
) PARTITION BY RANGE (received_at);
COMMENT ON TABLE batches IS 'One row a batch, as the client sent it. Read its events through the view events.';
COMMENT ON COLUMN batches.received_at IS 'The gateway''s stamp.';
COMMENT ON COLUMN batches.clock_skew_ms IS 'How far the client''s clock is behind ours; add it to the client''s times.';
COMMENT ON COLUMN batches.payload IS 'The client''s own bytes; json keeps them as they are and is cheap to write.';

CREATE INDEX batches_by_time ON batches USING brin (received_at) WITH (pages_per_range = 32);

CREATE TABLE verdicts (
    received_at        timestamptz NOT NULL,
    scored_at          timestamptz NOT NULL,
    persisted_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    occurred_at        timestamptz NOT NULL,
    session_started_at timestamptz NOT NULL,
    source_offset      bigint NOT NULL,
    risk_score         double precision NOT NULL,
    confidence         double precision NOT NULL,
    source_partition   integer NOT NULL,
    event_count        integer NOT NULL,
    trust_score        smallint NOT NULL,
    verdict_id         uuid NOT NULL,
    batch_id           uuid NOT NULL,
    tenant_id          text NOT NULL,
    domain             text NOT NULL,
    subject_type       text NOT NULL,
    subject_id         text NOT NULL,
    action             text NOT NULL,
    label              text NOT NULL,
    traceparent        text NOT NULL,
    reason_codes       text[] NOT NULL,
    document           json NOT NULL
) PARTITION BY RANGE (received_at);
COMMENT ON TABLE verdicts IS 'One row a verdict: one verdict a batch.';
COMMENT ON COLUMN verdicts.occurred_at IS 'Latest event of the batch, by the client''s corrected clock.';
COMMENT ON COLUMN verdicts.document IS 'The whole verdict (v1) as published: reasons with evidence, versions, session.';

CREATE INDEX verdicts_by_time ON verdicts USING brin (received_at) WITH (pages_per_range = 32);
CREATE INDEX verdicts_by_subject ON verdicts (tenant_id, subject_type, subject_id, received_at DESC);

CREATE TABLE sessions (
    tenant_id        text NOT NULL,
    domain           text NOT NULL,
    subject_type     text NOT NULL,
    subject_id       text NOT NULL,
    started_at       timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    batch_count      bigint NOT NULL,
    event_count      bigint NOT NULL,
    last_verdict_id  uuid NOT NULL,
    last_action      text NOT NULL,
    last_label       text NOT NULL,
    last_risk_score  double precision NOT NULL,
    source_partition integer NOT NULL,
    source_offset    bigint NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, domain, subject_type, subject_id, started_at)
) PARTITION BY RANGE (started_at);
COMMENT ON TABLE sessions IS 'One row a bounded run of a subject, as of its latest verdict.';
COMMENT ON COLUMN sessions.source_offset IS 'Offset of the verdict it was written from: a later one replaces it.';

CREATE TABLE dead_letters (
    source_timestamp timestamptz NOT NULL,
    persisted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    source_offset    bigint NOT NULL,
    source_partition integer NOT NULL,
    dead_letter_id   uuid NOT NULL,
    batch_id         uuid,
    stage            text NOT NULL,
    reason           text NOT NULL,
    detail           text NOT NULL,
    source_topic     text NOT NULL,
    tenant_id        text,
    traceparent      text,
    record_key       bytea,
    headers          json NOT NULL,
    payload          bytea NOT NULL
) PARTITION BY RANGE (source_timestamp);
COMMENT ON TABLE dead_letters IS 'Messages that could not go on, with a typed reason and their original bytes.';
COMMENT ON COLUMN dead_letters.tenant_id IS 'Null when the message did not say; no tenant sees such a letter.';

CREATE INDEX dead_letters_by_tenant ON dead_letters (tenant_id, source_timestamp);
