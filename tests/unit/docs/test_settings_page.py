"""The settings page names every setting with its default."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.gateway.settings import GatewaySettings
from services.insights.settings import InsightsSettings
from services.persister.settings import PersisterSettings
from services.scorer.settings import ScorerSettings
from shared.settings import ServiceSettings

PAGE = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()


@pytest.mark.parametrize(
    "kind", [ServiceSettings, GatewaySettings, InsightsSettings, PersisterSettings, ScorerSettings], ids=str
)
def test_every_setting_is_there_with_its_default(kind: type[ServiceSettings]) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `TELLTALE_")]
    inherited = set(ServiceSettings.model_fields) if kind is not ServiceSettings else set()
    for name, field in kind.model_fields.items():
        if name in inherited:
            continue
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        cell = f"`{default}`" if default != "" else ""
        assert f"| `TELLTALE_{name.upper()}` | {cell} | {field.description} |".replace("|  |", "| |") in rows
