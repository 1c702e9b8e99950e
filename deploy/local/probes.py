"""One question per kind of part: can you do your job now? Returning means yes, any exception means not yet."""

from typing import Final

import asyncpg
import httpx
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

_TIMEOUT_S: Final = 2.0


class NotReady(Exception):
    """The part answers but cannot do its job yet. Ask again."""


async def kafka_ready(bootstrap: str) -> None:
    """Check that a broker is in the cluster; while it is fenced the metadata names none."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(_TIMEOUT_S * 1000))
    try:
        await client.start()
        if not (await client.describe_cluster())["brokers"]:
            raise NotReady("no broker has joined the cluster")
    finally:
        await client.close()


async def postgres_ready(dsn: str) -> None:
    """Check that a query is answered."""
    connection = await asyncpg.connect(dsn, timeout=_TIMEOUT_S)
    try:
        await connection.fetchval("SELECT 1", timeout=_TIMEOUT_S)
    finally:
        await connection.close(timeout=_TIMEOUT_S)


async def redis_ready(url: str) -> None:
    """Check that PING is answered; while it loads its file it refuses."""
    async with Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S) as client:
        await client.ping()


async def http_ready(url: str) -> None:
    """Check that a readiness address answers 200."""
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        response = await client.get(url)
    if response.status_code != httpx.codes.OK:
        raise NotReady(f"{url} answered {response.status_code}")
