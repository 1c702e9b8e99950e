"""Every service mends aiokafka before it makes a client."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from services.gateway import app as gateway
from services.insights import app as insights
from services.persister import app as persister
from services.scorer import app as scorer


class Mended(Exception):
    pass


@pytest.mark.parametrize(
    ("module", "put_together"),
    [
        (gateway, gateway.real_adapters),
        (insights, insights.real_outside),
        (persister, persister.create_app),
        (scorer, scorer.create_app),
    ],
    ids=["gateway", "insights", "persister", "scorer"],
)
def test_a_service_mends_connections_first(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, put_together: Callable[[Any], object]
) -> None:
    def mend() -> None:
        raise Mended

    monkeypatch.setattr(module, "mend_connections", mend)
    with pytest.raises(Mended):
        put_together(None)
