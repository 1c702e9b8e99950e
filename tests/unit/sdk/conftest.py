"""A misbehaving gateway, clients for it, and a clock that only moves when somebody sleeps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import telltale
from telltale._sender import Clocks
from tests.unit.sdk.misbehaving import Gateway, misbehaving_gateway

MakeClient = Callable[..., telltale.AsyncClient]


class FakeTime:
    """Time that passes only in pauses between tries."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.pauses_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    def utc_now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.now_s)

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now_s, self.utc_now, self.sleep)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with misbehaving_gateway() as running:
        yield running


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def drops() -> list[telltale.Dropped]:
    return []


@pytest.fixture
def make_client(gateway: Gateway, fake_time: FakeTime, drops: list[telltale.Dropped]) -> MakeClient:
    """Make a client that lingers for ever: tests flush, or fill a batch."""

    def make(api_key: str = "tt_good_key", limits: dict[str, Any] | None = None, **more: Any) -> telltale.AsyncClient:
        chosen = telltale.Limits(**{"linger_s": 3_600.0, "request_timeout_s": 5.0, **(limits or {})})
        more = {"on_drop": drops.append, "clocks": fake_time.clocks(), **more}
        return telltale.AsyncClient(gateway.url, api_key, limits=chosen, **more)

    return make
