"""What insights may be told from outside."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class InsightsSettings(ServiceSettings):
    """Settings of insights. ``postgres_dsn`` is the role telltale_insights, which row-level security holds."""

    http_port: int = Field(default=8081, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    monitor_dsn: SecretStr = Field(
        default=SecretStr("postgresql://telltale_monitor@127.0.0.1:15432/telltale"),
        description="PostgreSQL as telltale_monitor, which reads counts across tenants.",
    )
    scorer_url: str = Field(
        default="http://127.0.0.1:8082", description="The scorer's ops routes, asked for the rules in force."
    )
    tenant_labels: int = Field(
        default=20, ge=0, description="Tenants named in metrics; the rest are counted as '_other'."
    )
