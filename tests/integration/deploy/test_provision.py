"""Provisioning the real broker and database."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.credentials import ADMIN
from deploy.local.demo import ensure_demo_key, ensure_demo_page_key
from deploy.local.servers_for_tests import Servers
from deploy.provision.migrations import migrate
from deploy.provision.roles import OWNER, ROLES, password_field
from deploy.provision.run import provision
from deploy.provision.settings import ProvisionSettings
from deploy.provision.tenants import TenantRefused, add_tenant, create_key, key_is_active, revoke_key, set_threshold
from deploy.provision.topics import TopicRefused, ensure_topics
from shared.api_keys import find_key
from shared.tenancy import load_keys_from
from shared.topics import Topic


def _settings(servers: Servers, prefix: str, database: str) -> ProvisionSettings:
    dsns = {role: urlsplit(dsn) for role, dsn in servers.postgres_dsn_by_role.items()}
    passwords = {password_field(role): dsn.password for role, dsn in dsns.items()}
    return ProvisionSettings.model_validate(
        {
            "kafka_bootstrap": servers.kafka_bootstrap,
            "postgres_port": dsns[ADMIN].port,
            "postgres_database": database,
            "topic_prefix": prefix,
        }
        | passwords
    )


async def _config(servers: Servers, topic: str) -> dict[str, str]:
    client = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await client.start()
    try:
        (response,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {entry[0]: entry[1] for entry in response.resources[0][4]}
    finally:
        await client.close()


async def test_several_provisioners_at_once_agree(servers: Servers) -> None:
    name = uuid.uuid4().hex[:10]
    settings = _settings(servers, f"p{name}.", f"telltale_p{name}")
    applied = await asyncio.gather(*(provision(settings) for _ in range(3)))
    assert sorted(applied)[:2] == [0, 0]
    assert await provision(settings) == 0
    admin = await asyncpg.connect(servers.postgres_dsn_by_role[ADMIN])
    try:
        await admin.execute(f'DROP DATABASE "telltale_p{name}"')
    finally:
        await admin.close()


async def test_drifted_retention_is_set_right(servers: Servers, fresh_topics: Callable[..., Awaitable[str]]) -> None:
    prefix = await fresh_topics([Topic("drift", retention_ms=1_000_000)], partitions=1)
    assert (await _config(servers, f"{prefix}drift"))["retention.ms"] == "1000000"
    await ensure_topics(servers.kafka_bootstrap, [Topic("drift", 2_000_000)], partitions=1, prefix=prefix)
    assert (await _config(servers, f"{prefix}drift"))["retention.ms"] == "2000000"


async def test_another_partition_count_is_refused(
    servers: Servers, fresh_topics: Callable[..., Awaitable[str]]
) -> None:
    prefix = await fresh_topics([Topic("count", retention_ms=1_000_000)], partitions=1)
    with pytest.raises(TopicRefused, match="has 1 partitions, not 2"):
        await ensure_topics(servers.kafka_bootstrap, [Topic("count", 1_000_000)], partitions=2, prefix=prefix)


async def test_no_role_has_more_than_it_needs(servers: Servers) -> None:
    admin = await asyncpg.connect(servers.postgres_dsn_by_role[ADMIN])
    try:
        rows = await admin.fetch(
            "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication AS more,"
            " rolpassword LIKE 'SCRAM-SHA-256$%' AS scram FROM pg_authid WHERE rolname = ANY($1)",
            [role.name for role in ROLES],
        )
    finally:
        await admin.close()
    assert {row["rolname"]: (row["more"], row["scram"]) for row in rows} == {role.name: (False, True) for role in ROLES}


async def test_a_wrong_password_is_refused(servers: Servers) -> None:
    dsn = urlsplit(servers.postgres_dsn_by_role[OWNER])
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://{OWNER}:wrong@{dsn.hostname}:{dsn.port}{dsn.path}")


async def test_a_migration_is_applied_once(servers: Servers, tmp_path: Path) -> None:
    table = f"probe_{uuid.uuid4().hex[:10]}"
    (tmp_path / f"{table}.sql").write_text(f"CREATE TABLE {table} (id int);\nSELECT 1;\n")
    owner_dsn = servers.postgres_dsn_by_role[OWNER]
    assert [migrate(owner_dsn, tmp_path), migrate(owner_dsn, tmp_path)] == [1, 0]


async def test_a_key_lives_from_its_making_to_its_revoking(servers: Servers) -> None:
    tenant_id = f"t-{uuid.uuid4().hex[:12]}"
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    try:
        assert await add_tenant(owner, tenant_id)
        assert not await add_tenant(owner, tenant_id)
        key = await create_key(owner, tenant_id)
        assert await key_is_active(owner, key)
        await revoke_key(owner, key.split("_")[1])
        assert not await key_is_active(owner, key)
        with pytest.raises(TenantRefused, match="no active key"):
            await revoke_key(owner, key.split("_")[1])
        with pytest.raises(TenantRefused, match="no tenant 'nobody-here'"):
            await create_key(owner, "nobody-here")
        with pytest.raises(TenantRefused, match="no tenant name"):
            await add_tenant(owner, "a:b")
        threshold = "SELECT challenge_threshold FROM tenants WHERE tenant_id = $1"
        assert await owner.fetchval(threshold, tenant_id) == 50
        await set_threshold(owner, tenant_id, 60)
        assert await owner.fetchval(threshold, tenant_id) == 60
        with pytest.raises(TenantRefused, match="0 to 100"):
            await set_threshold(owner, tenant_id, 101)
        with pytest.raises(TenantRefused, match="no tenant 'nobody-here'"):
            await set_threshold(owner, "nobody-here", 60)
    finally:
        await owner.close()


async def test_a_publishable_key_is_known_by_its_origins(servers: Servers) -> None:
    tenant_id = f"t-{uuid.uuid4().hex[:12]}"
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    gateway = await asyncpg.connect(servers.postgres_dsn_by_role["telltale_gateway"])
    try:
        await add_tenant(owner, tenant_id)
        page = await create_key(owner, tenant_id, ["https://shop.example", "http://localhost:8090"])
        server = await create_key(owner, tenant_id)
        active = await load_keys_from(gateway)()
        for key, prefix, origins in (
            (page, "tp_", frozenset({"https://shop.example", "http://localhost:8090"})),
            (server, "tt_", None),
        ):
            found = find_key(key, active)
            assert key.startswith(prefix)
            assert found is not None and (found.tenant_id, found.origins) == (tenant_id, origins)
    finally:
        await gateway.close()
        await owner.close()


@pytest.mark.parametrize(
    "origin",
    [
        "shop.example",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "http://a:80",
        "*",
        "",
    ],
)
async def test_what_no_browser_sends_is_no_origin(servers: Servers, origin: str) -> None:
    owner = await asyncpg.connect(servers.postgres_dsn_by_role[OWNER])
    try:
        with pytest.raises(TenantRefused, match="is no origin"):
            await create_key(owner, "anybody", [origin])
    finally:
        await owner.close()


async def test_the_demo_key_is_kept_until_the_database_forgets_it(servers: Servers, tmp_path: Path) -> None:
    owner_dsn = servers.postgres_dsn_by_role[OWNER]
    first = await ensure_demo_key(owner_dsn, tmp_path)
    assert await ensure_demo_key(owner_dsn, tmp_path) == first
    owner = await asyncpg.connect(owner_dsn)
    try:
        await revoke_key(owner, first.split("_")[1])
    finally:
        await owner.close()
    assert await ensure_demo_key(owner_dsn, tmp_path) != first


async def test_the_shops_page_gets_another_key_when_it_moves(servers: Servers, tmp_path: Path) -> None:
    owner_dsn = servers.postgres_dsn_by_role[OWNER]
    first = await ensure_demo_page_key(owner_dsn, tmp_path, 8090)
    assert first.startswith("tp_")
    assert await ensure_demo_page_key(owner_dsn, tmp_path, 8090) == first
    assert await ensure_demo_page_key(owner_dsn, tmp_path, 8091) != first
