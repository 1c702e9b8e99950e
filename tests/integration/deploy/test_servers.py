"""The servers that integration tests stand on."""

from collections.abc import Awaitable, Callable

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from deploy.local.servers_for_tests import Servers
from shared.topics import VERDICTS


async def test_a_record_comes_back_from_a_fresh_topic(
    servers: Servers, fresh_topics: Callable[..., Awaitable[str]]
) -> None:
    topic = await fresh_topics() + VERDICTS
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka_bootstrap, acks="all") as producer:
        written = await producer.send_and_wait(topic, b"one", partition=3)
    async with AIOKafkaConsumer(bootstrap_servers=servers.kafka_bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 3)])
        consumer.seek(TopicPartition(topic, 3), written.offset)
        assert (await consumer.getone()).value == b"one"


async def test_every_role_logs_in_as_itself_and_none_is_superuser(servers: Servers) -> None:
    for role, dsn in servers.postgres_dsn_by_role.items():
        connection = await asyncpg.connect(dsn)
        try:
            user = await connection.fetchval("SELECT current_user")
            superuser = await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user")
        finally:
            await connection.close()
        assert user == role
        assert superuser == (role == "telltale_admin")


async def test_redis_answers_only_with_its_password(servers: Servers) -> None:
    async with Redis.from_url(servers.redis_url) as client:
        assert await client.ping()
