"""The adapters of PostgreSQL and Kafka keep the ports' contracts, through the persister's own schema."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.servers_for_tests import Servers
from services.insights.database import Database
from services.insights.kafka_broker import KafkaBroker
from services.insights.postgres import PostgresKpiStore, PostgresMonitorStore
from shared.topics import Domain, Topic
from tests.contract.insights.suites import HOUR, BrokerContract, StoreContract, tenant_id, window
from tests.integration.conftest import FreshTopics
from tests.integration.insights.rows import Rows

__all__ = ["tenant_id"]


class PostgresWorld(Rows):
    """PostgreSQL with the persister's schema."""

    def __init__(self, owner: asyncpg.Connection, kpis: Database, monitor: Database) -> None:
        super().__init__(owner)
        self._databases = (kpis, monitor)
        self.kpis = PostgresKpiStore(kpis)
        self.monitor = PostgresMonitorStore(monitor)

    async def go_away(self) -> None:
        for database in self._databases:
            await database.__aexit__(None, None, None)


@pytest.fixture
async def postgres(servers: Servers) -> AsyncIterator[PostgresWorld]:
    dsn = servers.postgres_dsn_by_role
    owner = await asyncpg.connect(dsn["telltale_owner"])
    try:
        async with (
            Database(dsn["telltale_insights"], connections=2) as kpis,
            Database(dsn["telltale_monitor"], connections=1) as monitor,
        ):
            yield PostgresWorld(owner, kpis, monitor)
    finally:
        await owner.close()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def world(self, postgres: PostgresWorld) -> PostgresWorld:
        return postgres


async def test_the_roles_hold_a_query_that_forgot_its_tenant(
    servers: Servers, postgres: PostgresWorld, tenant_id: str
) -> None:
    await postgres.batch(tenant_id, Domain.BEHAVIOR, HOUR, events=1)
    async with Database(servers.postgres_dsn_by_role["telltale_insights"], connections=1) as database:
        await PostgresKpiStore(database).tallies(tenant_id, window(1), None, with_reasons=False)
        # The same connection, after its transaction: the tenant's name is gone with it.
        assert await database.fetch("SELECT * FROM kpi_batches_by_minute") == []
        assert await database.fetch("SELECT * FROM batches") == []


async def test_the_monitor_reads_no_content(servers: Servers) -> None:
    async with Database(servers.postgres_dsn_by_role["telltale_monitor"], connections=1) as database:
        for table in ("batches", "verdicts", "dead_letters", "sessions", "api_keys", "tenants", "events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await database.fetch(f"SELECT * FROM {table}")


async def test_a_database_that_refuses_is_away_and_comes_back(servers: Servers) -> None:
    dsn = servers.postgres_dsn_by_role["telltale_monitor"]
    async with Database(dsn, connections=1) as database:
        await database.fetch("SELECT 1")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await database.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
        assert (await database.fetch("SELECT 1"))[0][0] == 1


class KafkaWorld:
    def __init__(self, servers: Servers, fresh_topics: FreshTopics, broker: KafkaBroker) -> None:
        self._bootstrap = servers.kafka_bootstrap
        self._fresh_topics = fresh_topics
        self.broker = broker

    async def topic(self, *, partitions: int) -> str:
        name = uuid.uuid4().hex
        made = Topic(name, retention_ms=int(timedelta(days=1).total_seconds() * 1_000))
        return await self._fresh_topics(topics=[made], partitions=partitions) + name

    async def produce(self, topic: str, partition: int, records: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap) as producer:
            for _ in range(records):
                await producer.send_and_wait(topic, b"{}", partition=partition)

    async def go_away(self) -> None:
        await self.broker.__aexit__(None, None, None)
        # Nobody listens on port 1.
        self.broker = KafkaBroker("127.0.0.1:1")


class TestKafkaBroker(BrokerContract):
    @pytest.fixture
    async def world(self, servers: Servers, fresh_topics: FreshTopics) -> AsyncIterator[KafkaWorld]:
        async with KafkaBroker(servers.kafka_bootstrap) as broker:
            yield KafkaWorld(servers, fresh_topics, broker)
