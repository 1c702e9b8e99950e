"""The adapters in memory keep the ports' contracts."""

import uuid
from datetime import datetime

import pytest

from services.insights.books import Outcomes
from services.insights.kpis import Tally
from services.insights.memory import MemoryBroker, MemoryStore
from shared.topics import Domain
from tests.contract.insights.suites import BrokerContract, StoreContract, tenant_id

__all__ = ["tenant_id"]


class MemoryStoreWorld:
    def __init__(self) -> None:
        self.kpis = self.monitor = MemoryStore()

    async def batch(self, tenant_id: str, domain: Domain, at: datetime, *, events: int) -> None:
        self.kpis.add(tenant_id, domain, at, Tally(batches=1, events=events))

    async def verdict(
        self, tenant_id: str, domain: Domain, at: datetime, *, action: str, risk: float, reasons: tuple[str, ...] = ()
    ) -> None:
        counted = Tally(verdicts={action: 1}, risk_sum=risk, reasons=dict.fromkeys(reasons, 1))
        self.kpis.add(tenant_id, domain, at, counted)

    async def dead_letter(
        self,
        tenant_id: str | None,
        at: datetime,
        *,
        topic: str = "t",
        stage: str = "scorer",
        reason: str = "undecodable",
    ) -> None:
        self.kpis.add(tenant_id or "", Domain.BEHAVIOR, at, Tally(dead_letters=1))
        self.kpis.letters.append((at, topic, stage, reason))

    async def books(self, topic: str, partition: int, told: Outcomes) -> None:
        self.kpis.books[topic, partition] = told

    async def go_away(self) -> None:
        self.kpis.away = True


class MemoryBrokerWorld:
    def __init__(self) -> None:
        self.broker = MemoryBroker()

    async def topic(self, *, partitions: int) -> str:
        topic = uuid.uuid4().hex
        for partition in range(partitions):
            self.broker.first[topic, partition] = self.broker.next[topic, partition] = 0
        return topic

    async def produce(self, topic: str, partition: int, records: int) -> None:
        self.broker.next[topic, partition] += records

    async def go_away(self) -> None:
        self.broker.away = True


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def world(self) -> MemoryStoreWorld:
        return MemoryStoreWorld()


class TestMemoryBroker(BrokerContract):
    @pytest.fixture
    def world(self) -> MemoryBrokerWorld:
        return MemoryBrokerWorld()
