"""The same servers for tests, from a Docker engine."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from deploy.local import probes
from deploy.local.credentials import ADMIN
from deploy.local.host import free_ports
from deploy.local.jars import KAFKA_VERSION
from deploy.local.servers_for_tests import Servers
from deploy.local.settings import HOST
from deploy.provision.roles import ROLES, password_field
from deploy.provision.run import provision
from deploy.provision.settings import ProvisionSettings

_KAFKA_IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"
_POSTGRES_IMAGE: Final = "postgres:18.4"
_REDIS_IMAGE: Final = "redis:7.4"
_DATABASE: Final = "telltale"
_READY_TIMEOUT_S: Final = 90.0


@contextlib.contextmanager
def container_servers() -> Iterator[Servers]:
    """Run Kafka, PostgreSQL and Redis in containers for as long as the context is open."""
    from testcontainers.core.container import DockerContainer

    kafka_port, postgres_port, redis_port = free_ports(3)
    passwords = {role: secrets.token_urlsafe(16) for role in (ADMIN, *(role.name for role in ROLES))}
    bootstrap, redis_url = f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0"
    settings = ProvisionSettings.model_validate(
        {"kafka_bootstrap": bootstrap, "postgres_port": postgres_port, "postgres_database": _DATABASE}
        | {password_field(role): password for role, password in passwords.items()}
    )
    # The broker tells clients its own address, so the port inside must be the one outside.
    kafka = (
        DockerContainer(_KAFKA_IMAGE).with_bind_ports(kafka_port, kafka_port).with_envs(**_kafka_settings(kafka_port))
    )
    database = DockerContainer(_POSTGRES_IMAGE).with_bind_ports(5432, postgres_port)
    database = database.with_envs(POSTGRES_USER=ADMIN, POSTGRES_PASSWORD=passwords[ADMIN], POSTGRES_DB="postgres")
    redis = DockerContainer(_REDIS_IMAGE).with_bind_ports(6379, redis_port)

    async def make_ready() -> None:
        await asyncio.gather(
            _await(lambda: probes.kafka_ready(bootstrap)),
            _await(lambda: probes.postgres_ready(settings.admin_dsn)),
            _await(lambda: probes.redis_ready(redis_url)),
        )
        await provision(settings)

    with kafka, database, redis:
        asyncio.run(make_ready())
        dsns = {
            role: f"postgresql://{role}:{password}@{HOST}:{postgres_port}/{_DATABASE}"
            for role, password in passwords.items()
        }
        yield Servers(bootstrap, dsns, redis_url)


def _kafka_settings(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{HOST}:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


async def _await(probe: Callable[[], Awaitable[None]]) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while True:
        try:
            return await probe()
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
