"""Provision everything: topics beside roles, database and migrations."""

import asyncio

import psycopg

from deploy.provision.migrations import migrate
from deploy.provision.roles import ensure_database, ensure_roles
from deploy.provision.settings import ProvisionSettings
from deploy.provision.topics import ensure_topics
from shared.topics import TOPICS


async def provision(settings: ProvisionSettings) -> int:
    """Make broker and database as they must be. Safe to run again, and by several at once.

    Returns
    -------
    int
        How many migrations were applied.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(
            ensure_topics(
                settings.brokers,
                TOPICS,
                partitions=settings.partitions,
                replication=settings.replication,
                prefix=settings.topic_prefix,
            )
        )
        database = group.create_task(asyncio.to_thread(provision_database, settings))
    return database.result()


def provision_database(settings: ProvisionSettings) -> int:
    """Make roles, database and schema as they must be; give how many migrations were applied."""
    with psycopg.connect(settings.admin_dsn, autocommit=True) as admin:
        ensure_roles(admin, settings.role_passwords)
        ensure_database(admin, settings.postgres_database)
    return migrate(settings.owner_dsn)
