"""Where the system is that an operator looks after, from ``TELLTALE_*`` variables, ``.env`` or the local stack."""

from typing import Final
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.settings import CHECKOUT, HOST, StackSettings
from deploy.operate.errors import SettingsMissing

_ROLE: Final = "telltale_operator"


class OperateSettings(BaseSettings):
    """Kafka, and PostgreSQL as the role telltale_operator."""

    model_config = SettingsConfigDict(
        env_prefix="TELLTALE_", env_file=CHECKOUT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    kafka_bootstrap: str = Field("", description="Kafka's host:port, several by comma; else the local stack's.")
    kafka_port: int = Field(19092, description="The local stack's Kafka port.")
    postgres_host: str = HOST
    postgres_port: int = 15432
    postgres_database: str = "telltale"
    operator_password: SecretStr
    topic_prefix: str = ""

    @property
    def brokers(self) -> str:
        """Where Kafka is."""
        return self.kafka_bootstrap or f"{HOST}:{self.kafka_port}"

    @property
    def postgres_dsn(self) -> str:
        """PostgreSQL as the operator."""
        password = quote(self.operator_password.get_secret_value())
        return f"postgresql://{_ROLE}:{password}@{self.postgres_host}:{self.postgres_port}/{self.postgres_database}"


def load_settings() -> OperateSettings:
    """Read the settings; a password the environment does not give comes from the local stack's secrets file.

    Raises
    ------
    SettingsMissing
        A setting is missing or wrong.
    """
    try:
        secrets = StackSettings().root / "secrets.env"
        return OperateSettings.model_validate({"_env_file": (secrets, CHECKOUT / ".env")})
    except ValidationError as error:
        wrong = "; ".join(f"TELLTALE_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise SettingsMissing(f"{wrong}; set it in the environment, or start the local system with `make up`") from None
