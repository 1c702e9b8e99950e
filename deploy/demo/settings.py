"""What the demo shop may be told from outside."""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.settings import CHECKOUT


class DemoSettings(BaseSettings):
    """Settings of the demo shop, from ``TELLTALE_*`` variables or the file ``TELLTALE_SECRETS_FILE`` names.

    Both keys are the tenant ``demo``'s.
    """

    model_config = SettingsConfigDict(
        env_prefix="TELLTALE_", env_file=os.environ.get("TELLTALE_SECRETS_FILE"), extra="ignore", frozen=True
    )

    http_host: str = Field(default="127.0.0.1", description="Address to listen on.")
    http_port: int = Field(default=8090, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    gateway_url: str = Field(
        default="http://127.0.0.1:8080", description="The gateway, as pages and the shop reach it."
    )
    demo_api_key: SecretStr = Field(description="The shop's secret key.")
    demo_page_key: str = Field(description="The publishable key that stands in the page.")
    sdk: Path = Field(
        default=CHECKOUT / "sdks/browser/dist/telltale.min.js", description="The browser SDK that the page loads."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
