"""The command line of the replay."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.errors import NeedsAttention
from deploy.local.recorded import RECORDINGS
from deploy.local.replay import INSIGHTS_ROLE, SPEED, Target, replay_to, went_well
from deploy.local.settings import CHECKOUT

_SECRETS_FILE: Final = Path(os.environ.get("TELLTALE_HOME") or CHECKOUT / ".telltale") / "secrets.env"


class ReplaySettings(BaseSettings):
    """Where to replay to, from ``TELLTALE_*`` variables, ``.env`` or the local stack's secrets file."""

    model_config = SettingsConfigDict(
        env_prefix="TELLTALE_",
        env_file=(CHECKOUT / ".env", _SECRETS_FILE),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    gateway_url: str = "http://127.0.0.1:8080"
    insights_url: str = "http://127.0.0.1:8081"
    demo_api_key: SecretStr
    insights_password: SecretStr = SecretStr("")
    insights_dsn: SecretStr | None = None  # else put together from the parts below
    postgres_host: str = "127.0.0.1"
    postgres_port: int = 15432
    postgres_database: str = "telltale"

    def target(self) -> Target:
        """Give where to replay to."""
        password = quote(self.insights_password.get_secret_value())
        place = f"{self.postgres_host}:{self.postgres_port}/{self.postgres_database}"
        dsn = (
            self.insights_dsn.get_secret_value()
            if self.insights_dsn
            else f"postgresql://{INSIGHTS_ROLE}:{password}@{place}"
        )
        return Target(self.gateway_url, self.insights_url, self.demo_api_key.get_secret_value(), dsn)


@click.command()
@click.option("--sessions", type=click.IntRange(min=1), help="How many sessions; all of them when not given.")
@click.option("--speed", type=click.FloatRange(min=0.1), default=SPEED, show_default=True, help="Times faster.")
@click.option("--recordings", type=click.Path(path_type=Path), default=RECORDINGS, help="File of recordings.")
def main(sessions: int | None, speed: float, recordings: Path) -> None:
    """Replay recorded people and bots to a running system; the last line is the count as JSON.

    The exit code is 1 when anything was lost, doubled or not judged.
    """
    try:
        settings = ReplaySettings.model_validate({})
    except ValidationError as error:
        missing = ", ".join(f"TELLTALE_{str(item['loc'][0]).upper()}" for item in error.errors())
        raise click.ClickException(f"set {missing}, or start the system with 'make up'") from None
    try:
        summary = asyncio.run(replay_to(settings.target(), sessions=sessions, speed=speed, recordings=recordings))
    except NeedsAttention as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(summary))
    sys.exit(not went_well(summary))
