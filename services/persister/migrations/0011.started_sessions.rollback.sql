DROP FUNCTION forget_started_sessions(integer);
DROP FUNCTION look_up_session(text, uuid);
ALTER TABLE tenants DROP COLUMN challenge_threshold;
DROP TABLE started_sessions;
