"""The database roles and the database itself."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import errors, sql

OWNER: Final = "telltale_owner"

Admin = psycopg.Connection[Any]


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
    Role("telltale_operator", connection_limit=10),
)

# Two provisioners at once would otherwise update the same catalogue row, and one would fail.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('telltale.provision'))"
_LEAST: Final = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION")


def password_field(role: str) -> str:
    """Name the setting that carries a role's password, e.g. ``owner_password`` for ``telltale_owner``."""
    return f"{role.removeprefix('telltale_')}_password"


def ensure_roles(admin: Admin, passwords: dict[str, str]) -> None:
    """Make every role, or set an existing one's password and limits again.

    Parameters
    ----------
    admin
        Connection, in autocommit mode, of a role that may create roles.
    passwords
        Password by role name; every role needs one.
    """
    with admin.transaction():
        admin.execute(_ONE_AT_A_TIME)
        for role in ROLES:
            known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.name]).fetchone()
            # Hashed here, so that the password itself can never reach the server's log.
            verifier = admin.pgconn.encrypt_password(
                passwords[role.name].encode(), role.name.encode(), b"scram-sha-256"
            )
            admin.execute(
                sql.SQL("{verb} ROLE {name} {attributes} CONNECTION LIMIT {limit} PASSWORD {verifier}").format(
                    verb=sql.SQL("ALTER" if known else "CREATE"),
                    name=sql.Identifier(role.name),
                    attributes=_LEAST,
                    limit=sql.Literal(role.connection_limit),
                    verifier=sql.Literal(verifier.decode()),
                )
            )
        # A superuser needs no membership; any other admin must have it to give the database to its owner.
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))


def ensure_database(admin: Admin, database: str) -> None:
    """Make the database, owned by the owner role, closed to everyone but our roles."""
    name = sql.Identifier(database)
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            admin.execute(create.format(name, sql.Identifier(OWNER)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            pass  # another provisioner was first
    with admin.transaction():
        admin.execute(_ONE_AT_A_TIME)
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        ours = sql.SQL(", ").join(sql.Identifier(role.name) for role in ROLES)
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, ours))
