"""What provisioning needs to know, from ``TELLTALE_*`` variables, ``.env`` or the local stack's secrets file."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.provision.roles import OWNER, ROLES, password_field
from shared.topics import DEFAULT_PARTITIONS

_CHECKOUT: Final = Path(__file__).resolve().parents[2]


class ProvisionSettings(BaseSettings):
    """Where broker and database are, who may change them, and the passwords the roles shall have."""

    model_config = SettingsConfigDict(
        env_prefix="TELLTALE_", env_file=_CHECKOUT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    kafka_bootstrap: str = Field("", description="Kafka's host:port, several by comma; else the local stack's.")
    kafka_port: int = Field(19092, description="The local stack's Kafka port.")
    postgres_host: str = "127.0.0.1"
    postgres_port: int = 15432
    postgres_database: str = "telltale"
    postgres_admin: str = Field("telltale_admin", description="A role that may create roles and databases.")
    admin_password: SecretStr
    owner_password: SecretStr
    persister_password: SecretStr
    gateway_password: SecretStr
    insights_password: SecretStr
    monitor_password: SecretStr
    operator_password: SecretStr
    partitions: int = Field(DEFAULT_PARTITIONS, ge=1, description="Partitions of every topic.")
    replication: int = Field(1, ge=1, description="Copies of every partition.")
    topic_prefix: str = ""

    @property
    def brokers(self) -> str:
        """Where Kafka is."""
        return self.kafka_bootstrap or f"127.0.0.1:{self.kafka_port}"

    @property
    def role_passwords(self) -> dict[str, str]:
        """Password by role name."""
        return {role.name: _secret(self, role.name) for role in ROLES}

    @property
    def owner_dsn(self) -> str:
        """The database as its owner."""
        return self._dsn(OWNER, _secret(self, OWNER), self.postgres_database)

    @property
    def admin_dsn(self) -> str:
        """The server's maintenance database as the admin."""
        return self._dsn(self.postgres_admin, self.admin_password.get_secret_value(), "postgres")

    def _dsn(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{quote(role)}:{quote(password)}@{self.postgres_host}:{self.postgres_port}/{database}"


class _LocalHome(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TELLTALE_", env_file=_CHECKOUT / ".env", extra="ignore")

    home: Path = Path(".telltale")


def load_settings() -> ProvisionSettings:
    """Read the settings; passwords the environment does not give come from the local stack's secrets file.

    Raises
    ------
    pydantic.ValidationError
        A setting is missing or wrong.
    """
    secrets = _CHECKOUT / _LocalHome().home.expanduser() / "secrets.env"
    return ProvisionSettings.model_validate({"_env_file": (secrets, _CHECKOUT / ".env")})


def _secret(settings: ProvisionSettings, role: str) -> str:
    password: SecretStr = getattr(settings, password_field(role))
    return password.get_secret_value()
