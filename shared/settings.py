"""Typed settings from the environment (prefix ``TELLTALE_``) and ``.env``. Services extend `ServiceSettings`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs to know. Read once, in the service's ``__main__``, and handed on."""

    model_config = SettingsConfigDict(env_prefix="TELLTALE_", env_file=".env", extra="ignore", frozen=True)

    kafka_bootstrap: str = Field(default="127.0.0.1:19092", description="Kafka's host:port, several by comma.")
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:16379/0"), description="Redis, with its password if any."
    )
    postgres_dsn: SecretStr = Field(
        default=SecretStr("postgresql://127.0.0.1:15432/telltale"),
        description="PostgreSQL, as this service's own role.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address to listen on.")
    http_port: int = Field(default=0, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    topic_prefix: str = Field(default="", description="Prefix of topics and groups: several systems on one broker.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
