"""The persister's settings."""

from pydantic import Field

from shared.settings import ServiceSettings


class PersisterSettings(ServiceSettings):
    """What the persister needs to know beyond every service's settings."""

    http_port: int = Field(
        default=8083, ge=0, le=65_535, description="Port of /healthz, /readyz and /metrics; 0: a free one."
    )
    persister_max_records: int = Field(
        default=10_000, ge=1, le=100_000, description="Records in one PostgreSQL transaction."
    )
    persister_keep_batches_days: int = Field(default=30, ge=11, description="Days that raw batches are kept.")
    persister_keep_verdicts_days: int = Field(default=90, ge=11, description="Days that verdicts, sessions are kept.")
    persister_keep_dead_letters_days: int = Field(default=90, ge=11, description="Days that dead letters are kept.")
    persister_keep_kpis_days: int = Field(default=400, ge=11, description="Days that counts by minute are kept.")
