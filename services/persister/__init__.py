"""The persister: the only writer of batches, verdicts and dead letters. The same record twice leaves one row."""
