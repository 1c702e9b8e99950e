DROP TABLE dead_letters;
DROP TABLE sessions;
DROP TABLE verdicts;
DROP TABLE batches;
DROP TABLE stream_offsets;
