"""What the local stack may be told from outside: its directories and ports."""

import hashlib
import os
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT: Final = Path(__file__).resolve().parents[2]
HOST: Final = "127.0.0.1"


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "telltale"


class StackSettings(BaseSettings):
    """Settings of one instance of the local stack, from ``TELLTALE_*`` variables or the checkout's ``.env``."""

    model_config = SettingsConfigDict(
        env_prefix="TELLTALE_", env_file=CHECKOUT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default=CHECKOUT / ".telltale", description="Everything this instance keeps.")
    cache: Path = Field(default_factory=_default_cache, description="Kafka's jars, shared by every instance.")
    kafka_port: int = 19092
    kafka_controller_port: int = 19093
    postgres_port: int = 15432
    redis_port: int = 16379
    gateway_port: int = 8080
    insights_port: int = 8081
    scorer_port: int = 8082
    persister_port: int = 8083
    demo_port: int = 8090
    postgres_database: str = "telltale"

    @property
    def root(self) -> Path:
        """The state directory as an absolute path without symbolic links; a relative one counts from the checkout."""
        return (CHECKOUT / self.home.expanduser()).resolve()

    @property
    def tag(self) -> str:
        """Short name of this instance, for what must live outside the state directory."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:12]

    @property
    def receipts(self) -> Path:
        """Where clients on this machine keep what they were told, one file each."""
        return self.root / "receipts"

    @property
    def kafka_bootstrap(self) -> str:
        """Address clients give to Kafka's client library."""
        return f"{HOST}:{self.kafka_port}"
