"""The scorer's settings."""

from typing import Self

from pydantic import Field, model_validator

from shared.settings import ServiceSettings


class ScorerSettings(ServiceSettings):
    """What the scorer may be told from outside."""

    http_port: int = Field(default=8082, ge=0, le=65_535, description="Port of the ops routes; 0 picks a free one.")
    max_states_per_partition: int = Field(
        default=50_000, ge=1, description="Live subject states of one partition; the longest untouched makes room."
    )
    commit_interval_s: float = Field(default=0.4, gt=0, description="How often acknowledged offsets are committed.")
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="Silence after which the group gives partitions away."
    )
    publish_timeout_s: float = Field(
        default=20.0, gt=0, description="Longest wait for the broker to take a record batch."
    )
    restore_timeout_s: float = Field(default=120.0, gt=0, description="Longest rebuild of one partition's states.")
    stall_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="Lag, or a broker that answers others only, without progress for this long ends the process.",
    )
    trial_timeout_s: float = Field(
        default=5.0, gt=0, description="Longest fold of one batch that is tried because a worker may have died of it."
    )
    stop_timeout_s: float = Field(
        default=8.0, gt=0, description="After a request to stop, the process ends within this time."
    )

    @model_validator(mode="after")
    def _a_trial_is_no_stall(self) -> Self:
        # A trial that hangs is ended after its timeout; the watchdog must still be waiting then.
        if 2 * self.trial_timeout_s > self.stall_timeout_s:
            raise ValueError("trial_timeout_s must be at most half of stall_timeout_s")
        return self
