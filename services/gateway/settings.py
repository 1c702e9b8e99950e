"""What the gateway may be told from outside."""

from pydantic import Field

from shared.settings import ServiceSettings

_MIB = 1_048_576


class GatewaySettings(ServiceSettings):
    """Settings of one gateway process."""

    http_port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    max_body_bytes: int = Field(default=2 * _MIB, ge=1_024, le=4 * _MIB, description="Largest body, inflated.")
    max_batches_per_request: int = Field(default=100, ge=1, le=10_000, description="Longest JSON array of batches.")
    max_header_bytes: int = Field(default=16_384, ge=1_024, description="Largest request line and headers together.")
    header_timeout_s: float = Field(default=10.0, gt=0, description="Longest wait for a request's headers.")
    body_timeout_s: float = Field(default=10.0, gt=0, description="Longest wait for a whole body.")
    max_receiving_bytes: int = Field(default=32 * _MIB, gt=0, description="Bodies being read or checked.")
    max_in_flight_bytes: int = Field(
        default=32 * _MIB, gt=0, description="While so much is not yet acknowledged, requests are refused."
    )
    max_in_flight_batches: int = Field(default=20_000, gt=0, description="The same, counted in batches.")
    publish_timeout_s: float = Field(default=10.0, gt=0, description="Longest wait for the broker's acknowledgement.")
    drain_timeout_s: float = Field(default=12.0, ge=1, description="Longest wait for requests at shutdown.")
    max_waiting: int = Field(default=10_000, gt=0, description="Verdicts waited for at once; beyond it nobody waits.")
    recent_batches: int = Field(default=50_000, gt=0, description="Accepted batches remembered for receipts.")
    postgres_pool_size: int = Field(
        default=4, ge=2, le=20, description="Connections for receipts and API keys, and as many for sessions."
    )
    session_wait_ms: int = Field(
        default=2_000, ge=0, le=10_000, description="Longest wait of the session API for a verdict."
    )
    debug_payloads: bool = Field(
        default=False, description="Log what the session API is sent: sizes and counts, never a value."
    )
