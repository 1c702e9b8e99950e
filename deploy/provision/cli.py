"""The commands."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TypeVar

import asyncpg
import click
import psycopg
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from deploy.provision.run import provision
from deploy.provision.settings import ProvisionSettings, load_settings
from deploy.provision.tenants import TenantRefused, add_tenant, create_key, revoke_key, set_threshold
from deploy.provision.topics import TopicRefused

_RUNNING: Final = "is the system running? `make status` tells, `make up` starts it"
_Result = TypeVar("_Result")


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Make topics, roles, database and schema as they must be. Safe to run again."""
    if context.invoked_subcommand is None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        logging.getLogger("yoyo").setLevel(logging.WARNING)
        settings = _settings()
        failures: list[str] = []
        try:
            applied = asyncio.run(provision(settings))
        except* TopicRefused as group:
            failures.append(str(group.exceptions[0]))
        except* KafkaError as group:
            failures.append(f"Kafka: {group.exceptions[0]}; {_RUNNING}")
        except* psycopg.Error as group:
            failures.append(f"PostgreSQL: {str(group.exceptions[0]).splitlines()[0]}; {_RUNNING}")
        if failures:  # to exit inside the clauses above would raise a group
            _fail("\nerror: ".join(failures))
        click.echo(f"provisioned; {applied} migrations applied")


@main.group()
def tenant() -> None:
    """Look after tenants."""


@tenant.command("add")
@click.argument("name")
def tenant_add(name: str) -> None:
    """Add a tenant."""
    added = _as_owner(lambda owner: add_tenant(owner, name))
    click.echo(f"tenant {name} {'added' if added else 'was there'}")


@tenant.command("threshold")
@click.argument("name")
@click.argument("trust", type=int)
def tenant_threshold(name: str, trust: int) -> None:
    """Challenge a tenant's users below a trust of 0 to 100."""
    _as_owner(lambda owner: set_threshold(owner, name, trust))
    click.echo(f"tenant {name} challenges below {trust}")


@main.group()
def key() -> None:
    """Look after API keys."""


@key.command("create")
@click.option("--tenant", "tenant_id", required=True, help="Whose key it is.")
@click.option("--origin", "origins", multiple=True, help="Make it publishable, for pages of this origin; repeatable.")
def key_create(tenant_id: str, origins: tuple[str, ...]) -> None:
    """Make a key and print it. It is shown this once.

    A secret key is for servers. With origins it is publishable: it may stand in their pages and opens sessions alone.
    """
    click.echo(_as_owner(lambda owner: create_key(owner, tenant_id, origins)))


@key.command("revoke")
@click.argument("key_id")
def key_revoke(key_id: str) -> None:
    """Revoke a key. KEY_ID is the part between its underscores, in tt_KEY_ID_secret; the whole key will do too."""
    if key_id.startswith(("tt_", "tp_")):
        key_id = key_id.split("_")[1]  # the secret is not for messages
    _as_owner(lambda owner: revoke_key(owner, key_id))
    click.echo(f"key {key_id} revoked")


def _as_owner(action: Callable[[asyncpg.Connection], Awaitable[_Result]]) -> _Result:
    async def run() -> _Result:
        owner = await asyncpg.connect(_settings().owner_dsn)
        try:
            return await action(owner)
        finally:
            await owner.close()

    try:
        return asyncio.run(run())
    except TenantRefused as error:
        _fail(error)
    except (asyncpg.PostgresError, OSError) as error:
        _fail(f"PostgreSQL: {error}; {_RUNNING}")


def _settings() -> ProvisionSettings:
    try:
        return load_settings()
    except ValidationError as error:
        missing = ", ".join(f"TELLTALE_{str(one['loc'][0]).upper()}" for one in error.errors())
        _fail(f"set {missing}")


def _fail(reason: object) -> NoReturn:
    click.echo(f"error: {reason}", err=True)
    sys.exit(1)
