"""Compare what clients were told, what Kafka holds and what PostgreSQL holds."""
