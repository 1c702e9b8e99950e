"""What is read of a client's document, and what leaves for the broker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.gateway.sessions.behaviour import Behaviour
from services.gateway.sessions.posting import make_item
from services.gateway.sessions.reading import read_behaviour
from shared.contracts.base import Subject
from shared.problems import Problem

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
AT = NOW - timedelta(seconds=30)
MS = AT.timestamp() * 1000
SUBJECT = Subject(type="session", id="s")


def read(document: Any, origin: datetime | None = None) -> Behaviour:
    return read_behaviour(document, NOW, origin)


def made(document: Any, origin: datetime | None = None) -> list[dict[str, Any]]:
    """The events as they leave for the broker, without their time."""
    item = make_item(document, read(document, origin), uuid4(), SUBJECT, NOW)
    events = msgspec.json.decode(item.raw)["events"]
    return [{name: said for name, said in event.items() if name != "occurred_at"} for event in events]


def refusal(document: Any, origin: datetime | None = None) -> dict[str, Any]:
    with pytest.raises(Problem) as caught:
        make_item(document, read(document, origin), uuid4(), SUBJECT, NOW)
    assert caught.value.kind.status == 400
    [error] = caught.value.errors
    return error
