"""Version 1 of the contracts: event batches in, verdicts and dead letters out."""
