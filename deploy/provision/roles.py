"""The database roles and the database itself."""

from dataclasses import dataclass
from typing import Final

import asyncpg

OWNER: Final = "telltale_owner"


@dataclass(frozen=True, slots=True)
class Role:
    """A database role that logs in with a password.

    Parameters
    ----------
    name
        Role name.
    connection_limit
        Connections it may hold at once, so that one service cannot use them all up.
    """

    name: str
    connection_limit: int


ROLES: Final = (
    Role(OWNER, connection_limit=20),
    Role("telltale_persister", connection_limit=40),
    Role("telltale_gateway", connection_limit=40),
    Role("telltale_insights", connection_limit=60),
    Role("telltale_monitor", connection_limit=20),
)


def password_field(role: str) -> str:
    """Name the setting that carries a role's password, e.g. ``owner_password`` for ``telltale_owner``."""
    return f"{role.removeprefix('telltale_')}_password"


async def ensure_roles(admin: asyncpg.Connection, passwords: dict[str, str]) -> None:
    """Make every role, or set an existing one's password and limits again.

    Parameters
    ----------
    admin
        Connection of a role that may create roles.
    passwords
        Password by role name; every role needs one.
    """
    # Two provisioners at once would otherwise update the same catalogue row and one would fail.
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('telltale.provision'))")
        for role in ROLES:
            exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role.name)
            verb = "ALTER" if exists else "CREATE"
            password = await admin.fetchval("SELECT quote_literal($1::text)", passwords[role.name])
            await admin.execute(
                f"{verb} ROLE {role.name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION"
                f" CONNECTION LIMIT {role.connection_limit} PASSWORD {password}"
            )
        # A superuser needs no membership; elsewhere the admin must be able to hand the database to its owner.
        await admin.execute(f"GRANT {OWNER} TO CURRENT_USER")


async def ensure_database(admin: asyncpg.Connection, database: str) -> None:
    """Make the database, owned by the owner role, closed to everyone but our roles."""
    name = await admin.fetchval("SELECT quote_ident($1)", database)
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
        try:
            await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8'")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another provisioner was first
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('telltale.provision'))")
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(role.name for role in ROLES)}")
